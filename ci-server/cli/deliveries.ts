// `mergedock deliveries`: what the forge has sent, and what was decided of it.

import { type Context, type Input, textOption } from "./command.ts";
import { printList } from "./list.ts";
import type { Column } from "./table.ts";
import { toAge } from "./units.ts";
import { type DeliveryView, deliveryView } from "./views.ts";

const columns: readonly Column<DeliveryView>[] = [
  { title: "DELIVERY", value: ({ guid }) => guid },
  { title: "EVENT", value: ({ name, action }) => [name, action].filter(Boolean).join("."), shrinksTo: 8, spare: true },
  { title: "REPOSITORY", value: ({ repository }) => repository ?? "", shrinksTo: 8, spare: true },
  { title: "BUILD", value: ({ build, verdict }) => (build === null ? verdict : String(build)) },
  { title: "WHY", value: ({ reason }) => reason, shrinksTo: 12 },
  { title: "WHEN", value: ({ receivedAt }) => toAge(receivedAt, Date.now()) },
];

export function run(context: Context, input: Input): Promise<number> {
  const query = Object.fromEntries(
    ["repository", "verdict", "event", "q"].map((name) => [name, textOption(input, name)]),
  );
  const none = "there is no such delivery; has the forge a webhook that leads here?";
  const list = { path: "/deliveries", field: "deliveries", view: deliveryView, columns, query, none };
  return printList(context, input, { ...list, name: ({ guid }: DeliveryView) => guid });
}
