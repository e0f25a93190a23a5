// Which server a command asks, and with which token.

import { expect } from "chai";
import { findTarget } from "../../ci-server/cli/target.ts";

const defaults = { server: async () => "http://127.0.0.1:8080", token: async () => "the folder's own token" };
const find = (env: Readonly<Record<string, string>>) =>
  findTarget({ server: null, tokenFile: null, env, folder: "/nowhere", defaults });

describe("the target of a command", () => {
  it("refuses a token that is no header, without saying it", async () => {
    for (const token of ["hidden\nhidden", "hidden\u0000", "hidden\u2026"]) {
      const said = await find({ MERGEDOCK_TOKEN: token }).catch((error: Error) => error.message);
      expect(said).to.be.a("string").that.contains("MERGEDOCK_TOKEN does not hold a token").and.not.contains("hidden");
    }
  });

  it("refuses a URL with a password, without saying it", async () => {
    const env = { MERGEDOCK_SERVER: "https://me:hidden@ci.example", MERGEDOCK_TOKEN: "t" };
    const said = await find(env).catch((error: Error) => error.message);
    expect(said).to.be.a("string").that.contains("must not hold a name or a password").and.not.contains("hidden");
  });
});
