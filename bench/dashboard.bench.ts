// A log of 50,000 lines in the dashboard, in Chromium: until it is shown, scrolled to its end and searched, and how long the page pauses.

import { Dashboard } from "../test/helpers/browser.ts";
import { stopLab } from "../test/helpers/lab.ts";
import { buildLongLog, type LongLog, readLongLog } from "../test/helpers/long-log.ts";
import { inLab } from "./in-lab.ts";
import { median, round } from "./statistics.ts";

const lines = 50_000;
const rounds = 5;
const measured = ["shownMs", "scrolledMs", "searchedMs", "longestPauseMs"] as const;

await inLab("dashboard", async () => {
  const dashboard = await Dashboard.start();
  try {
    const id = await buildLongLog(dashboard, lines);
    const seen: LongLog[] = [];
    for (let round = 0; round < rounds; round += 1) seen.push(await readLongLog(dashboard, id, lines));
    console.log(`dashboard: a log of ${seen[0]?.lines} lines, median of ${rounds}, Node ${process.version}`);
    console.table(Object.fromEntries(measured.map((name) => [name, round(median(seen.map((each) => each[name])))])));
  } finally {
    await dashboard.leave();
    await dashboard.stop();
    await stopLab();
  }
});
