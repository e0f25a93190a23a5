import { expect } from "chai";
import { parseShown, withoutTurns } from "../../../ci-server/dashboard/shown-text.ts";

describe("a text of somebody else's on the dashboard", () => {
  it("has nothing in it that turns the direction of text round", () => {
    for (const code of [0x061c, 0x200e, 0x200f, 0x202a, 0x202d, 0x202e, 0x2066, 0x2069])
      expect(withoutTurns(`a${String.fromCodePoint(code)}b`), code.toString(16)).to.equal("ab");
    expect(withoutTurns("שלום, wörld 👋")).to.equal("שלום, wörld 👋");
  });

  it("is looked for however deep it lies, and however JSON writes it", () => {
    const json = '{ "build": { "tags": ["1\\u202e.2", "x\u2067y"], "id": 7, "result": null } }';
    expect(parseShown(json)).to.deep.equal({ build: { tags: ["1.2", "xy"], id: 7, result: null } });
  });
});
