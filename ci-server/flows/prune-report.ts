// Collects what one area of a prune says: everything is counted, a bounded number of each verdict is listed.

import type { AreaReport, PruneArea, PruneItem } from "../core/prune.ts";

const listedMax = 500;

export class Tally {
  readonly #area: PruneArea;
  readonly #listed: Record<PruneItem["verdict"], PruneItem[]> = { remove: [], keep: [] };
  readonly #notes: string[] = [];
  readonly #counts = { removed: 0, kept: 0, failed: 0, bytes: 0 };

  constructor(area: PruneArea) {
    this.#area = area;
  }

  add(item: PruneItem): void {
    const counts = this.#counts;
    if (item.verdict === "keep") counts.kept += 1;
    else if (item.problem !== null) counts.failed += 1;
    else {
      counts.removed += 1;
      counts.bytes += item.bytes ?? 0;
    }
    const listed = this.#listed[item.verdict];
    if (listed.length < listedMax) listed.push(item);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  report(): AreaReport {
    const items = [...this.#listed.remove, ...this.#listed.keep];
    const all = this.#counts.removed + this.#counts.failed + this.#counts.kept;
    const cut = all > items.length ? [`${items.length} of ${all} are listed`] : [];
    return { area: this.#area, ...this.#counts, notes: [...this.#notes, ...cut], items };
  }
}
