// What is known of base images where nobody has to be asked.

import { expect } from "chai";
import { createBaseDigests } from "../../ci-server/adapters/base-digests.ts";

describe("the digests of base images", () => {
  const nobody = {
    image: () => Promise.reject(new Error("asked")),
    platform: () => Promise.reject(new Error("asked")),
  };
  const reference = `node:24@sha256:${"a".repeat(64)}`;
  const known = { reference, digest: `sha256:${"a".repeat(64)}` };

  async function resolve(references: readonly string[]): Promise<unknown> {
    const asked = { engine: nobody, registries: new Map(), pushHost: "localhost:5000", timeoutMs: 1_000 };
    const bases = createBaseDigests(asked);
    const never = new AbortController().signal;
    const request = { references, mayBePrivate: () => false, signal: never, log: () => undefined };
    return bases.resolve(request).finally(bases.close);
  }

  it("are all there are", async () => {
    expect(await resolve([reference])).to.deep.equal({ bases: [known], isComplete: true });
    expect(await resolve([])).to.deep.equal({ bases: [], isComplete: true });
  });

  it("are those that are known where another cannot be", async () => {
    expect(await resolve(["No name", reference])).to.deep.equal({ bases: [known], isComplete: false });
  });
});
