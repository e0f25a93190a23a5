// The contracts between the flows and the world: each interface says what a call promises, throws and leaves behind.
// Every wait takes an AbortSignal; after an abort a call rejects with the signal's reason and leaves nothing running.

export type * from "./ports/access.ts";
export type * from "./ports/accounts.ts";
export type * from "./ports/activity.ts";
export type * from "./ports/activity-changes.ts";
export type * from "./ports/attestations.ts";
export type * from "./ports/bases.ts";
export type * from "./ports/builder.ts";
export type * from "./ports/catalogue.ts";
export type * from "./ports/clock.ts";
export type * from "./ports/commands.ts";
export type * from "./ports/contexts.ts";
export type * from "./ports/destinations.ts";
export type * from "./ports/disk.ts";
export type * from "./ports/forge.ts";
export type * from "./ports/forge-api.ts";
export type * from "./ports/forge-health.ts";
export type * from "./ports/git.ts";
export type * from "./ports/hooks.ts";
export type * from "./ports/log.ts";
export type * from "./ports/notifications.ts";
export type * from "./ports/observer.ts";
export type * from "./ports/prune.ts";
export type * from "./ports/queue.ts";
export type * from "./ports/reconcile.ts";
export type * from "./ports/registry.ts";
export type * from "./ports/reports.ts";
export type * from "./ports/store.ts";
export type * from "./ports/tunnel.ts";
export type * from "./ports/yaml.ts";
