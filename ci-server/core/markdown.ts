// What others wrote, quoted in Markdown: as code, in which a forge sees neither people nor issues, links nor HTML.
// Source: CommonMark 0.31, "Code spans", "Fenced code blocks"; GitHub documentation, "Basic writing and formatting syntax".

const spanCharsMax = 400;
const blockCharsMax = 20_000;

/** On one line. */
export function inlineCode(text: string): string {
  const line = text.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  if (line === "") return "(nothing)";
  const shown = line.length > spanCharsMax ? `${line.slice(0, spanCharsMax).toWellFormed()} …` : line;
  if (!shown.includes("`")) return `\`${shown}\``;
  const ticks = "`".repeat(longestRun(shown) + 1);
  return `${ticks} ${shown} ${ticks}`;
}

/** To stand on lines of its own. */
export function codeBlock(lines: readonly string[]): string {
  const text = lines
    .map((line) => line.replace(/\p{C}/gu, (char) => (char === "\t" ? char : "")))
    .join("\n")
    .slice(0, blockCharsMax)
    .toWellFormed();
  const ticks = "`".repeat(Math.max(3, longestRun(text) + 1));
  return `${ticks}text\n${text}\n${ticks}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
}
