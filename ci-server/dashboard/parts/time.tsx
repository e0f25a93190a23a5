// A time as its distance from now; the exact one on hover.

import { nowMs } from "../browser.ts";
import { age, exactTime } from "../format.ts";

export function Time({ at }: { readonly at: string }) {
  return (
    <time class="time" dateTime={at} title={exactTime(at)}>
      {age(at, nowMs.value)}
    </time>
  );
}
