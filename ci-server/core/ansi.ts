// What a terminal would do to its reader, taken out of what a build prints: colours stay, all else that is no text goes.

/** SGR, which sets colours: ECMA-48, 8.3.117. The parameters of a colour are few. */
const colour = String.raw`\u001b\[[0-9;:]{0,40}m`;
/** Other control sequences, strings (OSC, DCS, SOS, PM, APC) with what they hold, shorter escapes, and ESC alone: ECMA-48, 5.3 to 5.6. */
const others = [
  String.raw`(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?`,
  String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?`,
  String.raw`\u001b[ -/]*[0-~]?`,
  // What is left of the controls but tab; what turns the direction of text round, and Unicode's own line ends.
  String.raw`[\0-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]`,
].join("|");
const sequences = new RegExp(`(${colour})|${others}`, "g");
const colours = new RegExp(colour, "g");
const reset = "\u001b[0m";

/** One line as it may be stored: its last state where it was written over itself, and no control character but tab and colours. */
export function safeLine(raw: string): string {
  const states = raw.split("\r");
  for (let index = states.length - 1; index > 0; index -= 1) {
    const text = clean(states[index] ?? "");
    if (text.replace(colours, "").trim() !== "") return closed(text);
  }
  return closed(clean(states[0] ?? ""));
}

/** The text without its colours, and what they were: `at` is an index of the text. */
export function takeColours(text: string): { plain: string; codes: readonly { at: number; code: string }[] } {
  const codes: { at: number; code: string }[] = [];
  if (!text.includes("\u001b")) return { plain: text, codes };
  let taken = 0;
  const plain = text.replace(colours, (code, offset: number) => {
    codes.push({ at: offset - taken, code });
    taken += code.length;
    return "";
  });
  return { plain, codes };
}

function clean(text: string): string {
  return text.replace(sequences, (_whole, kept: string | undefined) => kept ?? "").toWellFormed();
}

/** A colour that a line leaves on must not run into the next one, which may be another step's. */
function closed(text: string): string {
  const last = text.match(colours)?.at(-1) ?? reset;
  return last === reset || last === "\u001b[m" ? text : text + reset;
}
