// Which line of a Dockerfile an unreachable base image stands in, however the engine writes its name.

import { expect } from "chai";
import { withBaseLine } from "../../ci-server/core/base-line.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { knownFailure } from "../../ci-server/core/failure.ts";

const needs = {
  frontend: { instruction: "# syntax", text: "docker/dockerfile:1", line: 1 },
  images: [
    { instruction: "FROM", text: "node:24", line: 3 },
    { instruction: "COPY", text: "ghcr.io/acme/tools@sha256:00", line: 7 },
  ],
};

function stepOf(base: string | undefined, failure = {}) {
  const error = new AppError("build_failed", "x", { details: { failure, ...(base !== undefined && { base }) } });
  return knownFailure(withBaseLine(error, needs) as AppError).step; // it gives back what it is given
}

describe("the line of a base image that cannot be had", () => {
  const table: [base: string, name: string, line: number][] = [
    ["node:24", "FROM node:24", 3],
    ["docker.io/library/node:24", "FROM node:24", 3],
    ["docker.io/docker/dockerfile:1", "# syntax docker/dockerfile:1", 1],
    ["ghcr.io/acme/tools@sha256:00", "COPY ghcr.io/acme/tools@sha256:00", 7],
  ];
  for (const [base, name, dockerfileLine] of table)
    it(`is that of ${base}`, () =>
      expect(stepOf(base)).to.deep.equal({ number: null, name, dockerfileLine, exitCode: null }));

  it("is not guessed", () => {
    expect(stepOf("node:22")).to.equal(undefined);
    expect(stepOf(undefined)).to.equal(undefined);
    expect(withBaseLine("no error of ours", needs)).to.equal("no error of ours");
  });

  it("is not put in the place of a step that is known", () => {
    const step = { number: 1, name: "[1/2] FROM node:24", dockerfileLine: 3, exitCode: null };
    expect(stepOf("node:24", { step })).to.deep.equal(step);
  });
});
