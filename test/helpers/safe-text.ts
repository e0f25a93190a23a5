// What may stand in a stored line of a log, beside text: tab and colours.

const esc = "\u001b";
const colours = new RegExp(`${esc}\\[[0-9;:]*m`, "g");
const unsafe = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

export function isSafe(line: string): boolean {
  return !unsafe.test(line.replace(colours, "").replaceAll("\t", "")) && line.isWellFormed();
}
