// Does the work of concurrent callers together: what comes while one batch is under way goes into the next.

interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (cause: unknown) => void;
}

export interface BatchOptions<Item, Outcome> {
  readonly itemsMax: number;
  /** Outcomes in the order of the items. Throws when nothing of the batch was done. */
  run(items: readonly Item[]): Promise<readonly Outcome[]>;
  /** Whether `run` threw because of one item: then each is tried alone. */
  isOfOneItem(cause: unknown): boolean;
}

/** A first item starts at once, since nobody waits for company; one batch runs at a time, in the order of arrival. */
export function createBatcher<Item, Outcome>(options: BatchOptions<Item, Outcome>): (item: Item) => Promise<Outcome> {
  let waiting: Waiting<Item, Outcome>[] = [];
  let running = false;
  async function drain(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, options.itemsMax);
      waiting = waiting.slice(options.itemsMax);
      await settle(options, batch);
    }
    running = false;
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!running) void drain();
    });
}

/** Each caller hears of its own item. Never rejects; returns what the last run threw, null when it did not. */
async function settle<Item, Outcome>(
  options: BatchOptions<Item, Outcome>,
  batch: readonly Waiting<Item, Outcome>[],
): Promise<unknown> {
  try {
    const outcomes = await options.run(batch.map(({ item }) => item));
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] as Outcome); // as many as there are items
    return null;
  } catch (cause) {
    if (batch.length > 1 && options.isOfOneItem(cause)) return settleOneByOne(options, batch);
    for (const { reject } of batch) reject(cause);
    return cause;
  }
}

async function settleOneByOne<Item, Outcome>(
  options: BatchOptions<Item, Outcome>,
  batch: readonly Waiting<Item, Outcome>[],
): Promise<unknown> {
  for (const [index, one] of batch.entries()) {
    const cause = await settle(options, [one]);
    if (cause === null || options.isOfOneItem(cause)) continue;
    for (const { reject } of batch.slice(index + 1)) reject(cause);
    return cause;
  }
  return null;
}
