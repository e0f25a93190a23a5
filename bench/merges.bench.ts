// Twelve merges of one repository of three images through the product: what came of each, what was built, what was reused.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Files } from "../lab/sample-commit.ts";
import { runFolder } from "../test/helpers/folders.ts";
import { stopLab } from "../test/helpers/lab.ts";
import { type FinishedBuild, Tester } from "../test/helpers/tester.ts";
import { inLab } from "./in-lab.ts";

const secret = "npm_0123456789abcdefghij";

interface Case {
  readonly name: string;
  readonly files: Files;
}

const recipes = (tags: string) => `images:
  - { service: base, context: base, paths: ["base/**"] }
  - service: cart
    context: services/cart
    paths: ["services/cart/**"]
    needs: [base]
    secrets: [npm_token]
    tags: |
      ${tags}
      type=ref,event=pr
  - { service: web, context: services/web, paths: ["services/web/**"] }
`;

const base = ["FROM scratch", "COPY busybox /bin/busybox", 'RUN ["/bin/busybox", "--install", "-s", "/bin"]'];
const lines = (...all: string[]) => `${all.join("\n")}\n`;
/** The second step stands for an installation of dependencies: it takes a second. */
const cart = (...more: string[]) =>
  lines(
    ...[
      "ARG BASE_IMAGE",
      "FROM $BASE_IMAGE",
      "COPY deps.lock /app/",
      "RUN sleep 1 && cp /app/deps.lock /app/deps",
      ...more,
    ],
    ...["COPY message.txt test.sh /app/", "RUN sh /app/test.sh", 'CMD ["cat", "/app/message.txt"]'],
  );
const web = (...more: string[]) => lines(...base, "COPY page.html /", ...more);

async function cases(): Promise<Case[]> {
  const busybox = { content: await readFile("/bin/busybox"), executable: true };
  const cold = {
    ".mergedock.yml": recipes("type=sha"),
    "base/Dockerfile": lines(...base, "COPY VERSION /"),
    ...{ "base/busybox": busybox, "base/VERSION": "1\n", "services/web/busybox": busybox },
    ...{ "services/cart/Dockerfile": cart(), "services/cart/deps.lock": "left-pad 1.3.0\n" },
    ...{ "services/cart/message.txt": "hello\n", "services/cart/test.sh": "echo ok\n" },
    ...{ "services/web/Dockerfile": web(), "services/web/page.html": "<p>1</p>\n" },
  };
  return [
    { name: "cold", files: cold },
    { name: "source only", files: { "services/cart/message.txt": "hello again\n" } },
    { name: "dependency change", files: { "services/cart/deps.lock": "left-pad 1.3.1\n" } },
    { name: "Dockerfile change", files: { "services/web/Dockerfile": web("ENV A=1") } },
    { name: "docs only", files: { "README.md": "more to read\n" } },
    { name: "two services", files: { "services/cart/message.txt": "3\n", "services/web/page.html": "<p>3</p>\n" } },
    { name: "base change", files: { "base/VERSION": "2\n" } },
    { name: "failing step", files: { "services/web/Dockerfile": web("RUN exit 3") } },
    { name: "failing test", files: { "services/cart/test.sh": "echo expected 1, got 2\nexit 1\n" } },
    { name: "wrong tag", files: { ".mergedock.yml": recipes("type=semvr,pattern={{version}}") } },
    {
      name: "huge log",
      files: {
        ".mergedock.yml": recipes("type=sha"),
        "services/cart/test.sh": "echo ok\n",
        "services/web/Dockerfile": web("RUN yes | head -c 50000000"),
      },
    },
    {
      name: "secret",
      files: { "services/cart/Dockerfile": cart("RUN --mount=type=secret,id=npm_token cat /run/secrets/npm_token") },
    },
  ];
}

await inLab("merges", async () => {
  const file = join(runFolder, "npm-token");
  await writeFile(file, `${secret}\n`, { mode: 0o600 });
  const ci = await Tester.start({ rules: { secrets: { npm_token: file } } });
  try {
    const rows: Record<string, object> = {};
    for (const { name, files } of await cases()) rows[name] = await measure(ci, files);
    console.log(`merges: twelve merges of one repository, in this order; Node ${process.version}`);
    console.table(rows);
  } finally {
    await ci.stop();
    await stopLab();
  }
});

async function measure(ci: Tester, files: Files): Promise<object> {
  const merged = await ci.mergeQuietly({ files });
  const startedMs = performance.now();
  const { verdict } = await ci.announce(merged);
  const build = await ci.finished(verdict.build);
  const ms = Math.round(performance.now() - startedMs);
  if (build.log.includes(secret)) throw new Error("the log shows the secret");
  const { steps } = (await (await ci.api(`/builds/${build.id}`)).json()) as Steps;
  const all = Object.values(steps).flat();
  const reused = build.images.filter(({ reusedFrom }) => reusedFrom !== null);
  const skipped = build.plan?.filter(({ verdict }) => verdict === "skip") ?? [];
  return {
    result: build.result,
    built: Object.keys(steps).join(", "),
    "steps from cache": `${all.filter(({ cached }) => cached).length} of ${all.length}`,
    "left alone": [
      ...skipped.map(({ service }) => service),
      ...reused.map(({ reference }) => `${nameOf(reference)} (made before)`),
    ].join(", "),
    ms,
    said: said(build),
  };
}

/** The last word of the image's name. */
function nameOf(reference: string): string {
  return reference.split("@")[0]?.split("/").at(-1) ?? reference;
}

interface Steps {
  readonly steps: Readonly<Record<string, readonly { readonly cached: boolean }[]>>;
}

function said({ failure, skipReason, log }: FinishedBuild): string {
  const cut = /^.*left out here.*$/m.exec(log)?.[0] ?? "";
  const hidden = log.includes("***") ? "the secret is *** in the log" : "";
  const line = failure?.step?.dockerfileLine;
  const where = line === undefined || line === null ? "" : ` (line ${line}, exit code ${failure?.step?.exitCode})`;
  const words =
    failure === null ? (skipReason ?? (cut || hidden)) : `${failure.kind}: ${failure.message.split("\n")[0]}${where}`;
  return words.slice(0, 110);
}
