// What the engine's words about a push mean that no other try can mend, as a registry and what stands before it bring them about.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeCertificates } from "../../certs/make-certs.ts";
import { registryAddress } from "../../lab/registry-address.ts";
import { type BuilderBench, builderContract } from "../helpers/builder-bench.ts";
import { fails, type Told } from "../helpers/failure.ts";
import { type LyingProxy, startLyingProxy } from "../helpers/lying-proxy.ts";

interface Refusal {
  readonly status: number;
  /** Which requests it is the answer to: of a blob the engine asks again for a minute, of a manifest it does not. */
  readonly asked: RegExp;
}

builderContract("Builder and a registry that takes no more", (bench) => {
  const table: [refusal: Refusal, code: string, told: Told][] = [
    [
      { status: 507, asked: /^PUT .*\/manifests\// },
      "unavailable",
      { kind: "disk", hint: "make room on the registry's disk" },
    ],
    [
      { status: 413, asked: /^(?:PATCH|PUT) .*\/blobs\// },
      "too_large",
      { kind: "limit", hint: "client_max_body_size" },
    ],
    [
      { status: 500, asked: /^PUT .*\/manifests\// },
      "unavailable",
      { kind: "registry", hint: "the registry's own log, and its disk" },
    ],
  ];
  for (const [refusal, code, told] of table) {
    it(`says what to do where it answers ${refusal.status}`, async () => {
      const proxy = await refuse(bench, refusal);
      try {
        await fails(push(bench, `localhost:${proxy.port}`), code, String(refusal.status), told);
      } finally {
        await proxy.stop();
      }
    });
  }
});

/** In front of the lab's registry. */
async function refuse({ lab, folder }: BuilderBench, { status, asked }: Refusal): Promise<LyingProxy> {
  const made = await makeCertificates({ folder: join(folder, "certs"), hosts: ["localhost"] });
  const [cert = "", key = "", ca] = await Promise.all(
    [made.certFile, made.keyFile, lab.registry.caFile].map((file) => readFile(file, "utf8")),
  );
  // The TLS options of node:https; the proxy's own type knows those of node:http.
  const upstream = { host: registryAddress.ip, port: 5000, servername: registryAddress.hostName, ca } as object;
  const body = Buffer.from(`<html><h1>${status}</h1></html>`);
  return startLyingProxy({
    ...{ upstream, isTls: true, tls: { cert, key } },
    lie: ({ method, path }) => (asked.test(`${method} ${path}`) ? { status, body } : null),
  });
}

async function push(bench: BuilderBench, pushHost: string): Promise<string> {
  await bench.putDockerfile(`RUN echo ${Math.random()} > /own`);
  const builder = bench.create({ pushHost, credentials: new Map([[pushHost, bench.lab.account]]) });
  const built = await builder.build(bench.request());
  try {
    return await builder.push(bench.request(), built);
  } finally {
    await bench.lab.docker.getImage(`${pushHost}/contract/shop:build-1`).remove();
  }
}
