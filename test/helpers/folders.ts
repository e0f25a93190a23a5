// Where the tests write, all below one folder of the clone; temporary folders lie in the private /tmp instead.

import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");
/** Relative to root: the only place that is writable in the tests' namespaces. */
export const testState = "state/test";
/** Stays for the next run: the engine's images and build cache, base images. */
export const cacheFolder = join(root, testState, "cache");
/** The engine of the Debian release after the one on which this is developed. */
export const newerEngineSource = { folder: join(cacheFolder, "newer-engine"), suite: "trixie" } as const;
/** What runs side by side keeps apart; see test/run.ts. */
const lane = process.env.MERGEDOCK_TEST_LANE ?? "";
/** Engines keep images and build cache here; one lane at a time may use such a folder. */
export const enginesFolder = join(cacheFolder, `engines${lane}`);
/** Gone after the run. */
export const runFolder = join(root, testState, `run${lane}`);
