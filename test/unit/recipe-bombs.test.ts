// Files that were written to keep the server busy: 64 KiB of whatever takes the longest to read.

import { expect } from "chai";
import { parseYaml } from "../../ci-server/adapters/yaml.ts";
import { readRecipeFile } from "../../ci-server/core/recipe-file.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

function mistakes(text: string): string[] {
  try {
    const allowed = { pushHost: "localhost:5000", registryHosts: [] };
    readRecipeFile(parseYaml(Buffer.from(text)), exampleRepository({ services: null }), allowed);
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  return [];
}

describe("a repository's own file that is a bomb", function () {
  this.timeout(20_000);

  const bomb = [..."bcdefghij"].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[at]}`)}]`);
  const kib64 = 64 * 1024;
  const bombs: [what: string, text: string, words: RegExp][] = [
    ["aliases of aliases", `a: &a [x]\n${bomb.join("\n")}\n`, /aliases \(\*\) that would make it too large/],
    ["thousands of aliases", `- &a x\n${"- *a\n".repeat(kib64 / 5 - 2)}`, /aliases/],
    ["lists in lists", "[".repeat(kib64), /nested too deeply|Flow sequence/],
    ["lists in lists that end", "[".repeat(kib64 / 2) + "]".repeat(kib64 / 2), /nested too deeply/],
    ["entries in entries", "- ".repeat(kib64 / 2), /nested too deeply/],
    ["thousands of mistakes", `[${",".repeat(kib64 - 2)}]`, /Unexpected ,/],
    [
      "thousands of names",
      Array.from({ length: 9_000 }, (_none, at) => `k${at}:`).join("\n"),
      /and 8900 more mistakes/,
    ],
    ["one name again and again", "a: 1\n".repeat(kib64 / 5), /stands here twice/],
    [
      "thousands of images",
      `images:\n${"- {}\n".repeat(kib64 / 5 - 2)}`,
      /Too big: expected array to have <=100 items/,
    ],
    [
      "a long need",
      `images: [{ needs: [${"a,".repeat(kib64 / 2 - 30)}] }]`,
      /Too big: expected array to have <=50 items/,
    ],
  ];
  for (const [what, text, words] of bombs) {
    it(`is refused for ${what} at once, in a bounded number of lines`, () => {
      const before = process.cpuUsage();
      const found = mistakes(text);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1_000).to.be.lessThan(1_500);
      expect(found.join("\n")).to.match(words);
      expect(found.length).to.be.lessThan(250);
    });
  }
});
