// Whole requests as GitHub sends them, each with a merge of its own: real payloads of 24 kB, signed.

import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { closedPullRequest } from "../lab/pull-request-delivery.ts";

export interface MergeSource {
  readonly path: string;
  readonly secret: string;
  readonly repositories: readonly string[];
}

/** Lends its length to the commits that take its place. */
const placeholder = "c0ffee".repeat(7).slice(0, 40);

/** `count` requests, over the repositories in turn. */
export function signedMerges(source: MergeSource, count: number): Buffer[] {
  const templates = source.repositories.map(template);
  return Array.from({ length: count }, (_none, index) => {
    const body = Buffer.from(templates[index % templates.length] ?? "");
    body.write(randomBytes(20).toString("hex"), body.indexOf(placeholder), "latin1");
    return Buffer.concat([head(source, body), body]);
  });
}

function template(name: string): Buffer {
  const commit = "0".repeat(40);
  const branches = { branch: "topic", base: "main", baseSha: commit, headSha: commit, commits: [commit] };
  const payload = closedPullRequest({
    repository: { name, defaultBranch: "main" },
    cloneUrl: `https://github.com/${name}.git`,
    pullRequest: { number: 1, title: "Say hello", ...branches },
    merge: { mergeCommitSha: placeholder },
  });
  return Buffer.from(JSON.stringify(payload));
}

function head({ path, secret }: MergeSource, body: Buffer): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    "Host: localhost",
    "Accept: */*",
    "Content-Type: application/json",
    "User-Agent: GitHub-Hookshot/0123456",
    `X-GitHub-Delivery: ${randomUUID()}`,
    "X-GitHub-Event: pull_request",
    "X-GitHub-Hook-ID: 292430182",
    `X-Hub-Signature-256: sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}
