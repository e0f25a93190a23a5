// What somebody probably meant who wrote a word that there is not.

const distanceMax = 2;
const wordCharsMax = 40;

/** `did you mean "target"? There are: context, target.` */
export function suggestion(word: string, known: readonly string[]): string {
  const closest = closestWord(word, known);
  const meant = closest === null ? "" : `did you mean "${closest}"? `;
  return `${meant}There are: ${known.join(", ") || "none"}`;
}

function closestWord(word: string, known: readonly string[]): string | null {
  if (word.length > wordCharsMax) return null;
  const measured = known
    .filter((one) => one.length <= wordCharsMax)
    .map((one) => ({ one, distance: distanceOf(word.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [first] = measured;
  return first !== undefined && first.distance <= distanceMax && first.distance < first.one.length ? first.one : null;
}

/** Levenshtein's: how many characters have to be put in, taken out or replaced. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_none, index) => index);
  for (const [i, char] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = (row[j] ?? 0) + (b[j] === char ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
