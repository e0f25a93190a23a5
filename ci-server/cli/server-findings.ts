// What a running server says of itself, and what can be seen of it from here: its answer, its clock, its hook.

import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { vitalChecks } from "../core/system.ts";
import { type Client, readAs } from "./client.ts";
import { type Finding, failure, ok, warning } from "./findings.ts";
import { toAge } from "./units.ts";
import { type DeliveryView, deliveryView } from "./views.ts";

const system = z.object({
  version: z.string().nullable().default(null),
  checks: z
    .array(
      z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), fix: z.string().nullable().default(null) }),
    )
    .default([]),
  warnings: z
    .array(z.object({ code: z.string(), message: z.string(), fix: z.string().nullable().default(null) }))
    .default([]),
  setup: z
    .object({
      pingReceivedAt: z.string().nullable().default(null),
      lastRefusal: z.object({ at: z.string(), reason: z.string() }).nullable().default(null),
    })
    .nullable()
    .default(null),
});
type System = z.infer<typeof system>;

const readiness = z.object({ checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string() })) });
const answerMsMax = 10_000;
const hookFix =
  "mergedock webhook add owner/repo, or add the webhook in the repository's settings: payload URL https://<public address>/webhooks/github (of Gitea or Forgejo: /webhooks/gitea), content type\napplication/json, the secret of state/secrets/webhook-secret, events: Pull requests";
const secretFix =
  "if the forge sent it: compare the secret in the webhook's settings with the one here (state/secrets/webhook-secret, where none\nis configured), and the content type";

/** Throws `unavailable` where no server answers, and what keeps it from answering. */
export async function serverFindings(client: Client): Promise<Finding[]> {
  // Asked first: it says whether somebody is there, and needs no token.
  const { ready, date } = await readReadiness(client.origin);
  const said = await readSystem(client);
  const version = said?.version == null ? "" : ` ${said.version}`;
  const checks = said?.checks ?? Object.entries(ready.checks).map(([name, one]) => ({ name, ...one, fix: null }));
  return [
    ok("server", `Mergedock${version} answers at ${client.origin}`),
    ...checks.map(({ name, ok: isOk, detail, fix }) => {
      const named = `server: ${name}`;
      if (isOk) return ok(named, detail);
      // Without the others something is built all the same.
      const isVital = vitalChecks.some((one) => one === name);
      return (isVital ? failure : warning)(named, detail, fix ?? "see to what it says; the server's log has more");
    }),
    ...(said?.warnings ?? []).map(({ code, message, fix }) => warning(`server: ${code}`, message, fix ?? "see docs/")),
    ...clockFinding("server", date, Date.now()),
    ...hookFindings(await lastDelivery(client), said?.setup ?? null, Date.now()),
  ];
}

async function readReadiness(origin: string) {
  const response = await fetch(new URL("/readyz", origin), { signal: AbortSignal.timeout(answerMsMax) }).catch(
    (cause: Error) => {
      const why = cause.cause instanceof Error ? cause.cause.message : cause.message;
      throw new AppError("unavailable", `no server answers at ${origin}: ${why}`, { cause });
    },
  );
  const answer: unknown = await response.json().catch(() => null);
  return { ready: readAs(readiness, answer, "a server's readiness"), date: response.headers.get("date") };
}

/** Null: of a server that has no such page yet. */
async function readSystem(client: Client): Promise<System | null> {
  try {
    return readAs(system, await client.get("/system"), "what a server says of itself");
  } catch (cause) {
    if (cause instanceof AppError && cause.code === "not_found") return null;
    throw cause;
  }
}

/** Of a `Date` header, which counts seconds; none where there is none. */
export function clockFinding(whose: string, date: string | null, nowMs: number): Finding[] {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return [];
  const apart = Math.round(Math.abs(nowMs - theirs) / 1000);
  const ahead = nowMs > theirs ? "ahead of" : "behind";
  if (apart <= 30) return [ok("clock", `within ${Math.max(apart, 1)} s of the ${whose}'s`)];
  const detail = `this machine's clock is ${apart} s ${ahead} the ${whose}'s`;
  const fix = "set both by NTP: timedatectl set-ntp true";
  return [apart > 300 ? failure("clock", detail, fix) : warning("clock", detail, fix)];
}

async function lastDelivery(client: Client): Promise<DeliveryView | null> {
  const answer = await client.get("/deliveries", { limit: 1 });
  const [last] = readAs(z.object({ deliveries: z.array(deliveryView) }), answer, "a list").deliveries;
  return last ?? null;
}

/** A refusal is of interest for as long as nothing was accepted after it. */
export function hookFindings(last: DeliveryView | null, setup: System["setup"], nowMs: number): Finding[] {
  const { pingReceivedAt: ping, lastRefusal } = setup ?? { pingReceivedAt: null, lastRefusal: null };
  const accepted = acceptedFinding(last, ping, nowMs);
  if (lastRefusal === null || Date.parse(lastRefusal.at) < Date.parse(last?.receivedAt ?? ping ?? lastRefusal.at))
    return [accepted ?? warning("hook", "the forge has sent nothing yet", hookFix)];
  const refused = `the last delivery was refused ${toAge(lastRefusal.at, nowMs)}: ${lastRefusal.reason}`;
  return [...(accepted === null ? [] : [accepted]), warning("hook", refused, secretFix)];
}

function acceptedFinding(last: DeliveryView | null, ping: string | null, nowMs: number): Finding | null {
  if (last !== null) {
    const { receivedAt, name, repository } = last;
    return ok(
      "hook",
      `last delivery ${toAge(receivedAt, nowMs)}: ${name}${repository === null ? "" : ` of ${repository}`}`,
    );
  }
  return ping === null ? null : ok("hook", `a ping came ${toAge(ping, nowMs)}, and no delivery yet`);
}
