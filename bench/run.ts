// `npm run bench -- NAME`: runs one measurement; each prints a table of medians.

import { readdir } from "node:fs/promises";

const benches = (await readdir(import.meta.dirname))
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.slice(0, -".bench.ts".length));
const [name = ""] = process.argv.slice(2);

if (benches.includes(name)) await import(`./${name}.bench.ts`);
else {
  process.stderr.write(`bench: there is no "${name}"; there are: ${benches.join(", ")}\n`);
  process.exitCode = 2;
}
