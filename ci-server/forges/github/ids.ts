// Numbers of GitHub's. Those of deliveries are larger than what a number of JavaScript holds exactly; they come as bigint then.

import { z } from "zod";

export const id = z.union([z.number().int(), z.bigint()]);
export const withId = z.object({ id });

// Node has it (ECMAScript 2026), and TypeScript does not know it yet.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => object };

/** JSON with large numbers as they were. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, one: unknown) => (typeof one === "bigint" ? rawJSON(String(one)) : one));
}
