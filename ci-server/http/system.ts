// GET /api/v1/system: what the server needs and whether that works, what is left to set up, what to mind.

import Router from "@koa/router";
import { countMax, type Totals } from "../core/catalogue.ts";
import { AppError } from "../core/errors.ts";
import { type ForgeTrouble, forgeTrouble } from "../core/forge-health.ts";
import type { Catalogue, Disk, ForgeHealthStore, Tunnel, TunnelState } from "../core/ports.ts";
import { payloadUrlAt } from "../core/public-address.ts";
import { ageText, type CheckName, fixes, type SystemCheck, sizeText, vitalChecks } from "../core/system.ts";
import { shown } from "../core/views/json.ts";
import { systemView } from "../core/views/system.ts";
import { type SystemFacts, type Warning, warningsOf } from "../core/warnings.ts";
import { type Check, type CheckOutcome, runChecks } from "./health.ts";
import { operation, type Paths } from "./operation.ts";

export interface SystemParts {
  readonly catalogue: Catalogue;
  /** Of this process: engine and registry are missing where it builds nothing. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly disk: Disk;
  readonly failingReports: () => Promise<SystemFacts["failingReports"]>;
  readonly forgeHealth: Pick<ForgeHealthStore, "troubles">;
  readonly tunnel: Tunnel["look"];
  /** Names of the forges that deliveries are taken from; the first one is the usual one. */
  readonly forges: readonly string[];
  readonly gitVersion: () => Promise<string | null>;
  /** Warnings of what goes on beside the builds. */
  readonly problems: () => Promise<readonly Warning[]>;
  readonly about: SystemAbout;
  readonly now: () => Date;
}

/** What does not change while the process runs. */
export interface SystemAbout {
  readonly version: string;
  readonly nodeVersion: string;
  readonly role: "all" | "receiver" | "worker";
  readonly startedAt: Date;
  readonly facts: Omit<SystemFacts, "engineVersion" | "failingReports">;
  /** Null: configured. */
  readonly webhookSecretFile: string | null;
  readonly caUrl: string | null;
  /** Of which a webhook has to tell. */
  readonly events: readonly string[];
}

const place = "/api/v1/system";
const answerMsMax = 2_000;

export function systemRoutes(parts: SystemParts): Router {
  const router = new Router();
  router.get(place, async (ctx) => {
    ctx.body = shown(systemView, await describe(parts));
  });
  return router;
}

async function describe(parts: SystemParts) {
  const { about, now } = parts;
  const signal = AbortSignal.timeout(answerMsMax);
  const [totals, failingReports, problems, trouble, tunnel, git] = await Promise.all([
    orNull(parts.catalogue.totals()),
    orNull(parts.failingReports()),
    orNull(parts.problems()),
    readForgeTrouble(parts),
    parts.tunnel(signal),
    parts.gitVersion(),
  ]);
  const payloadUrls = toPayloadUrls(parts.forges, tunnel);
  const found = await runChecks({ ...parts.checks, ...ownChecks(parts, { totals, trouble, tunnel }) });
  const checks = Object.entries(found).flatMap((one) => toCheck(one, trouble));
  const detail = (name: string) => (found[name]?.ok === true ? found[name].detail : null);
  const engine = /^Docker (\S+)/.exec(detail("engine") ?? "")?.[1] ?? null;
  const database = /^PostgreSQL (\S+)/.exec(detail("database") ?? "")?.[1] ?? null;
  const { lastPingAt = null, lastRefusal = null, queued = 0, running = 0, builds = 0 } = totals ?? {};
  return {
    ...{ version: about.version, role: about.role, startedAt: about.startedAt },
    uptimeSeconds: Math.max(0, Math.floor((now().getTime() - about.startedAt.getTime()) / 1000)),
    state: checks.every(({ name, ok }) => ok || !vitalChecks.includes(name)) ? ("ok" as const) : ("degraded" as const),
    checks,
    // A registry says of itself which API it speaks, and not which version it is.
    versions: { node: about.nodeVersion, engine, registry: null, database, git },
    warnings: [...warningsOf({ ...about.facts, engineVersion: engine, failingReports }), ...(problems ?? [])],
    setup: {
      payloadUrl: payloadUrls[0]?.url ?? null,
      payloadUrls,
      webhookSecretFile: about.webhookSecretFile,
      events: about.events,
      contentType: "application/json",
      pingReceivedAt: lastPingAt,
      lastRefusal,
      registryHost: about.facts.pushHost,
      caUrl: about.caUrl,
      repositories: about.facts.repositories,
      builds: Math.min(builds, countMax),
    },
    queue: { queued, running },
  };
}

/** Null when the database does not answer: what it is asked for is missing then, and its check says why. */
function orNull<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error: unknown) => {
    if (error instanceof AppError && error.code === "unavailable") return null;
    throw error;
  });
}

async function readForgeTrouble({ forgeHealth, now }: SystemParts): Promise<ForgeTrouble | null> {
  const troubles = await orNull(forgeHealth.troubles());
  return troubles === null ? null : forgeTrouble(troubles, now());
}

function toPayloadUrls(forges: readonly string[], { address }: TunnelState) {
  return address === null ? [] : forges.map((forge) => ({ forge, url: payloadUrlAt(address, forge) }));
}

interface Seen {
  readonly totals: Totals | null;
  /** Of the forges' APIs. */
  readonly trouble: ForgeTrouble | null;
  readonly tunnel: TunnelState;
}

function ownChecks(
  { disk, about, now, forges }: SystemParts,
  { totals, trouble, tunnel }: Seen,
): Record<string, Check> {
  return {
    tunnel: async () => {
      if (tunnel.address === null) throw new Error(tunnel.why);
      return payloadUrlAt(tunnel.address, forges[0] ?? "github");
    },
    disk: (signal) => checkDisk(disk, about.facts.freeBytesMin, signal),
    forge: async () => {
      if (totals === null) throw new Error("not known: the database does not answer");
      const { lastDeliveryAt: last } = totals;
      const heard = last === null ? null : `last verified delivery ${ageText(last, now())}`;
      if (trouble !== null) throw new Error(`${trouble.detail}; ${heard ?? "no delivery yet"}`);
      if (heard === null) throw new Error("none yet");
      return heard;
    },
  };
}

async function checkDisk(disk: Disk, bytesMin: number, signal: AbortSignal): Promise<string> {
  const found = await disk.free(signal);
  const text = found.map(({ folder, bytes }) => `${sizeText(bytes)} free in ${folder}`).join(", ");
  if (found.some(({ bytes }) => bytes < bytesMin)) throw new Error(`${text}; a build wants ${sizeText(bytesMin)}`);
  return text;
}

function toCheck([name, { ok, detail }]: [string, CheckOutcome], trouble: ForgeTrouble | null): SystemCheck[] {
  if (!isCheckName(name)) return [];
  const fix = name === "forge" && trouble !== null ? trouble.fix : fixes[name];
  return [{ name, ok, detail, fix: ok ? null : fix }];
}

function isCheckName(name: string): name is CheckName {
  return Object.hasOwn(fixes, name);
}

export const systemPaths: Paths = {
  [place]: {
    get: operation({
      summary: "What the server needs and whether that works, what is left to set up, what to mind",
      role: "read",
      answers: { 200: { schema: systemView } },
    }),
  },
};
