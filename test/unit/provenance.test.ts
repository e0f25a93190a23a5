// What a provenance statement says, held against what in-toto and SLSA ask for.

import { expect } from "chai";
import { z } from "zod";
import { isAbout, preAuthEncoding, statement } from "../../ci-server/core/attestation.ts";
import { isProvenanceOf, type ProvenanceFacts, provenanceStatement } from "../../ci-server/core/provenance.ts";
import { usualService } from "../../ci-server/core/service.ts";
import { exampleBuild } from "../helpers/example-build.ts";

const digest = `sha256:${"a".repeat(64)}`;
const sha = "b".repeat(40);

const build = exampleBuild({
  ...{ id: 7, sha, deliveryGuid: "0b989ba4-242f-11e5-81e1-c7b6966d2516", attempts: 2 },
  pullRequest: {
    ...{ number: 42, title: "Sell more", url: "https://github.com/acme/shop/pull/42", author: "ann", mergedBy: "bob" },
  },
  createdAt: new Date("2026-11-21T09:59:00Z"),
  startedAt: new Date("2026-11-21T10:00:00.250Z"),
});

function facts(change: Partial<ProvenanceFacts> = {}): ProvenanceFacts {
  const { name: service, paths: _paths, ...rest } = usualService("shop");
  return {
    ...{ build, attempt: 2, reusedFrom: null },
    repository: { name: "acme/shop", url: "https://github.com/acme/shop.git", branches: ["main"] },
    commit: { sha, mergeMethod: "squash" },
    recipe: {
      ...rest,
      service,
      image: "acme/shop",
      tags: ["pr-42"],
      labels: {},
      ownLabels: {},
      ...{ annotations: {}, fixedTags: [], forwardTags: [], tagNotes: [] },
      args: { A: "1" },
    },
    bases: [{ reference: "registry.example.com:5000/team/node:24", digest: `sha256:${"c".repeat(64)}` }],
    image: { name: "localhost:5000/acme/shop", digest },
    builder: { id: "https://ci.example.com", version: "0.1.0" },
    finishedAt: new Date("2026-11-21T10:01:00Z"),
    ...change,
  };
}

// Sources: in-toto attestation framework v1, statement.md, resource_descriptor.md, field_types.md; slsa.dev/spec/v1.1/provenance.
const typeUri = z.string().regex(/^[a-z][a-z0-9+.-]*:\S+$/);
const timestamp = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/);
const digestSet = z.record(z.string(), z.string().regex(/^[0-9a-f]+$/)).refine((set) => Object.keys(set).length > 0);
const resource = z
  .strictObject({
    ...{ name: z.string(), uri: typeUri, digest: digestSet, content: z.base64(), downloadLocation: typeUri },
    ...{ mediaType: z.string(), annotations: z.record(z.string(), z.unknown()) },
  })
  .partial()
  .refine(({ uri, digest: of, content }) => uri !== undefined || of !== undefined || content !== undefined);
const slsaStatement = z.strictObject({
  _type: z.literal("https://in-toto.io/Statement/v1"),
  subject: z.array(resource.refine(({ digest: of }) => of !== undefined)).min(1),
  predicateType: z.literal("https://slsa.dev/provenance/v1"),
  predicate: z.strictObject({
    buildDefinition: z.strictObject({
      buildType: typeUri,
      externalParameters: z.record(z.string(), z.unknown()),
      internalParameters: z.record(z.string(), z.unknown()).optional(),
      resolvedDependencies: z.array(resource).optional(),
    }),
    runDetails: z.strictObject({
      builder: z.strictObject({
        id: typeUri,
        builderDependencies: z.array(resource).optional(),
        version: z.record(z.string(), z.string()).optional(),
      }),
      metadata: z.strictObject({ invocationId: z.string(), startedOn: timestamp, finishedOn: timestamp }).partial(),
      byproducts: z.array(resource).optional(),
    }),
  }),
});

describe("the provenance of an image", () => {
  it("is of the default branch where nobody has named a ref, and never of a pattern", () => {
    const asked = { ...build, trigger: "manual", pullRequest: null, ref: null } as const;
    const repository = { ...facts().repository, branches: ["release/*", "main"] };
    const { predicate } = provenanceStatement(facts({ build: asked, repository }));
    expect(predicate).to.have.nested.property("buildDefinition.externalParameters.ref", "main");
  });

  for (const [name, change] of [
    ["a merge", {}],
    ["a merge on a base that only the engine has", { bases: [{ reference: "base", digest }] }],
    [
      "what was asked for by hand",
      { build: { ...build, trigger: "manual", pullRequest: null, deliveryGuid: null, ref: null, version: "1.0.0" } },
    ],
    ["a reused image", { reusedFrom: 3 }],
  ] as [string, Partial<ProvenanceFacts>][]) {
    it(`is what in-toto and SLSA ask for, of ${name}`, () => {
      const made: unknown = JSON.parse(JSON.stringify(provenanceStatement(facts(change))));
      expect(slsaStatement.safeParse(made).error).to.equal(undefined);
      expect(statement.safeParse(made).error).to.equal(undefined);
    });
  }

  it("says what was built from where, by whose merge, and on what", () => {
    const made = provenanceStatement(facts());
    expect(made.subject).to.deep.equal([{ name: "localhost:5000/acme/shop", digest: { sha256: "a".repeat(64) } }]);
    const { buildDefinition, runDetails } = slsaStatement.parse(made).predicate;
    expect(buildDefinition.externalParameters).to.deep.include({
      ...{ repository: "https://github.com/acme/shop.git", ref: "refs/heads/main", service: "shop" },
    });
    expect(buildDefinition.externalParameters.recipe).to.deep.include({ dockerfile: "Dockerfile", args: { A: "1" } });
    expect(buildDefinition.internalParameters).to.deep.equal({
      ...{ project: "acme/shop", trigger: "pull_request", delivery: build.deliveryGuid },
      pullRequest: {
        ...{ number: 42, url: "https://github.com/acme/shop/pull/42", author: "ann", mergedBy: "bob" },
        mergeMethod: "squash",
      },
    });
    expect(buildDefinition.resolvedDependencies).to.deep.equal([
      { uri: "git+https://github.com/acme/shop.git@refs/heads/main", digest: { gitCommit: sha } },
      {
        uri: "pkg:docker/team/node@24?repository_url=registry.example.com:5000",
        digest: { sha256: "c".repeat(64) },
        annotations: { reference: "registry.example.com:5000/team/node:24" },
      },
    ]);
    expect(runDetails).to.deep.equal({
      builder: { id: "https://ci.example.com", version: { mergedock: "0.1.0" } },
      metadata: {
        invocationId: "builds/7/attempts/2",
        startedOn: "2026-11-21T10:00:00.250Z",
        finishedOn: "2026-11-21T10:01:00.000Z",
      },
    });
  });

  it("says when an image was taken from another build", () => {
    const made = slsaStatement.parse(provenanceStatement(facts({ reusedFrom: 3 })));
    expect(made.predicate.buildDefinition.internalParameters).to.include({ reusedFrom: 3 });
  });

  it("is known as that of its build, whichever attempt wrote it, and of its image alone", () => {
    const made = provenanceStatement(facts());
    expect(isProvenanceOf(made, 7)).to.equal(true);
    expect(isProvenanceOf(made, 70)).to.equal(false);
    expect(isProvenanceOf({ ...made, predicate: null }, 7)).to.equal(false);
    expect(isAbout(made, digest)).to.equal(true);
    expect(isAbout(made, `sha256:${"b".repeat(64)}`)).to.equal(false);
  });
});

describe("what is signed", () => {
  // Source: DSSE 1.0.2, protocol.md, "Test Vectors".
  it("is the pre-authentication encoding of DSSE", () => {
    const encoded = preAuthEncoding("http://example.com/HelloWorld", new TextEncoder().encode("hello world"));
    expect(new TextDecoder().decode(encoded)).to.equal("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  it("counts bytes and not characters", () => {
    const encoded = preAuthEncoding("é", new TextEncoder().encode("ü€"));
    expect(new TextDecoder().decode(encoded)).to.equal("DSSEv1 2 é 5 ü€");
  });
});
