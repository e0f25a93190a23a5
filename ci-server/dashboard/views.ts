// What the API answers, as the dashboard reads it: core's types with times as text.

import type { Attempt, Build, LogLine } from "../core/build.ts";
import type { BuildStep } from "../core/build-step.ts";
import type { LedgerEntry } from "../core/delivery.ts";

type Json<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Json<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Json<T[Key]> }
      : T;

export interface StageView {
  readonly name: string;
  readonly ms: number | null;
  readonly result: Build["result"];
}

export type BuildEntry = Omit<Json<Build>, "stages" | "plan"> & {
  /** The running stage, or `queued`; null when it has ended. */
  readonly stage: string | null;
  readonly stages: readonly StageView[];
};

export type StepView = Json<BuildStep>;
export type ImageOfBuild = BuildEntry["images"][number];
export type FailureView = NonNullable<BuildEntry["failure"]>;

export type BuildView = BuildEntry & {
  readonly plan: Json<Build["plan"]>;
  readonly changedFiles: readonly string[] | null;
  readonly history: readonly Json<Attempt>[];
  readonly steps: Readonly<Record<string, readonly StepView[]>>;
  /** Of the last successful builds of the repository. */
  readonly medianMs: number | null;
  readonly queuedAhead: number | null;
};

export type LineView = Json<LogLine>;

export type DeliveryView = Omit<Json<LedgerEntry>, "buildId" | "headers"> & {
  readonly build: number | null;
  readonly headers?: Readonly<Record<string, string>>;
};

export interface ActivityItem {
  readonly id: string;
  readonly at: string;
  readonly kind: "delivery" | "build";
  readonly delivery: {
    readonly guid: string;
    readonly event: string;
    readonly action: string | null;
    readonly verdict: "build" | "skip";
    readonly reason: string;
  } | null;
  readonly build: BuildEntry | null;
  readonly repository: string | null;
  readonly title: string;
  readonly medianMs: number | null;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | number | null;
}

export interface ImageEntry {
  readonly path: string;
  readonly repository: string;
  readonly service: string;
  readonly tags: number;
  readonly builds: number;
  readonly bytes: number;
  readonly newest: {
    readonly buildId: number;
    readonly digest: string;
    readonly reference: string;
    readonly tags: readonly string[];
    readonly bytes: number;
    readonly createdAt: string;
  };
}

export interface ImageVersion {
  readonly digest: string;
  readonly reference: string;
  readonly tags: readonly string[];
  readonly bytes: number;
  readonly bytesBefore: number | null;
  readonly createdAt: string;
  readonly buildId: number;
  readonly reusedFrom: number | null;
  readonly pullRequest: { readonly number: number; readonly title: string; readonly url: string } | null;
  readonly sha: string | null;
  readonly signed: boolean;
  readonly sbom: boolean;
  readonly removedAt: string | null;
}

export interface ImageView {
  readonly path: string;
  readonly repository: string;
  readonly service: string;
  readonly pull: { readonly docker: string; readonly podman: string; readonly compose: string };
  readonly versions: readonly ImageVersion[];
  readonly next: string | number | null;
}

export interface CheckView {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix: string | null;
}

export interface SystemView {
  readonly version: string;
  readonly role: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly state: "ok" | "degraded";
  readonly checks: readonly CheckView[];
  readonly versions: Readonly<Record<string, string | null>>;
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly fix: string | null }[];
  readonly setup: {
    readonly payloadUrl: string | null;
    readonly webhookSecretFile: string | null;
    readonly events: readonly string[];
    readonly contentType: string;
    readonly pingReceivedAt: string | null;
    readonly registryHost: string | null;
    readonly caUrl: string | null;
    readonly repositories: number;
    readonly builds: number;
  };
  readonly queue: { readonly queued: number; readonly running: number };
}

export interface RepositoryView {
  readonly name: string;
  readonly url: string;
  readonly branches: readonly string[];
  readonly lastDeliveryAt: string | null;
  readonly lastPingAt: string | null;
}

export interface SessionView {
  readonly name: string;
  readonly role: "admin" | "read";
}

export interface TokenView extends SessionView {
  readonly prefix: string;
  readonly createdAt: string;
  readonly createdBy: string | null;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

export interface AuditEntry {
  readonly id: number | string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string | null;
  readonly detail: unknown;
}
