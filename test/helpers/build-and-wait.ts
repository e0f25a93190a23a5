// A server that does nothing but build: node build-and-wait.ts ENGINE FOLDER. For tests that kill it.

import { BuilderBench } from "./builder-bench.ts";

const [engineHost = "", folder = ""] = process.argv.slice(2);
const bench = new BuilderBench();
bench.folder = folder;
const credentials = new Map([["localhost:5000", { username: "ci", password: "never asked for" }]]);
const builder = bench.create({ engineHost, pushHost: "localhost:5000", credentials });
await builder.build(bench.request({ labels: { "dev.mergedock.repository": "acme/shop" } }));
