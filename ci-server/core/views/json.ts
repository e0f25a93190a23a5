// What the API answers, as schemas: they make openapi.json, and the tests hold every answer against it.

import { z } from "zod";

/** What becomes of a value as JSON. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { -readonly [Key in keyof T]: Json<T[Key]> }
      : T;

/** ISO 8601, UTC. */
export const time = z.iso.datetime();
export const count = z.number().int().nonnegative();
export const id = z.number().int().positive();
export const ms = z.number().nonnegative();

/** The value, if it becomes as JSON what the schema describes; else it does not compile. */
export function shown<View, Value>(
  _schema: z.ZodType<View>,
  value: Value & ([Json<Value>] extends [View] ? unknown : { readonly "is not what the view describes": Json<Value> }),
): Value {
  return value;
}
