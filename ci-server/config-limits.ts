// The limits of mergedock.yml with their defaults, and what is kept in the registry.

import { z } from "zod";
import { observingLimits } from "./config-observing-schema.ts";
import { word } from "./config-repositories.ts";

const seconds = (value: number) => z.number().int().positive().default(value);
const bytes = (value: number) => z.number().int().positive().default(value);

export const limits = z.strictObject({
  body_bytes_max: bytes(25 * 1024 * 1024),
  in_flight_bytes_max: bytes(64 * 1024 * 1024),
  connections_max: z.number().int().positive().default(1_000),
  // Of streams of events, each of which keeps one of those connections: others need some too.
  viewers_max: z.number().int().positive().default(500),
  viewer_stall_seconds_max: seconds(60),
  viewer_silence_seconds_max: seconds(15),
  // The queue takes a build from its worker after twice this time, and after a day at most.
  build_seconds_max: z
    .number()
    .int()
    .positive()
    .max(43_200)
    .default(30 * 60),
  build_silence_seconds_max: seconds(10 * 60),
  drain_seconds_max: seconds(30),
  // 0: trouble is a result at once. A forge that limits us may do so for an hour.
  trouble_seconds_max: z
    .number()
    .int()
    .nonnegative()
    .max(30 * 24 * 3600)
    .default(2 * 3600),
  // Of each build, whatever its attempts.
  log_bytes_max: bytes(4 * 1024 * 1024),
  // Of a repository's own .mergedock.yml.
  recipe_file_bytes_max: z
    .number()
    .int()
    .positive()
    .max(1024 * 1024)
    .default(64 * 1024),
  // Of one build; each worker has one build.
  parallel_images_max: z.number().int().min(1).max(64).default(2),
  log_lines_max: z.number().int().positive().default(50_000),
  // Of all secrets of a build together: what is hidden in its log is kept in memory in several forms.
  secret_bytes_max: z
    .number()
    .int()
    .positive()
    .max(128 * 1024)
    .default(64 * 1024),
  ledger_days_max: z.number().int().min(1).max(36_500).default(90),
  ledger_bytes_max: bytes(1024 * 1024 * 1024),
  registry_seconds_max: seconds(30),
  // Of another registry, for the digest of a base image; after that the build goes on without it.
  base_registry_seconds_max: seconds(10),
  // Of each process. A lock of tags takes one, and its holder needs another.
  database_connections_max: z.number().int().min(6).max(1_000).default(12),
  queued_builds_max: z.number().int().positive().default(10_000),
  queued_builds_per_repository_max: z.number().int().positive().default(500),
  broken_attempts_max: z.number().int().min(1).max(100).default(5),
  attempts_max: z.number().int().min(1).max(20).default(5),
  // Of each layer of an image that is looked through for its SBOM: unpacked bytes, files, files that describe packages,
  // and the bytes of such a file.
  sbom_layer_bytes_max: bytes(4 * 1024 * 1024 * 1024),
  sbom_layer_entries_max: z.number().int().positive().default(1_000_000),
  sbom_layer_packages_max: z.number().int().positive().default(100_000),
  sbom_file_bytes_max: bytes(16 * 1024 * 1024),
  // Of layers that are remembered.
  sbom_cache_layers_max: z.number().int().positive().default(500),
  git_low_speed_bytes_per_second: bytes(1_000),
  git_low_speed_seconds_max: seconds(30),
  // One fetch, one download of LFS objects.
  git_seconds_max: seconds(15 * 60),
  // The files of one commit, with those of its submodules and of LFS; and what git keeps of a repository's history.
  repository_bytes_max: bytes(2 * 1024 ** 3),
  repository_files_max: z.number().int().positive().default(500_000),
  mirror_bytes_max: bytes(8 * 1024 ** 3),
  // 0: a build is begun however full the disk is.
  free_bytes_min: z
    .number()
    .int()
    .nonnegative()
    .default(2 * 1024 ** 3),
  engine_images_max: z.number().int().nonnegative().default(300),
  engine_cache_bytes_max: bytes(10 * 1024 ** 3),
  log_days_max: z.number().int().min(1).max(36_500).default(90),
  // Of one client: a token by its name, anybody else by the address. In each process.
  api_requests_per_minute_max: z.number().int().positive().default(600),
  failed_logins_per_minute_max: z.number().int().positive().default(10),
  session_days_max: z.number().int().min(1).max(366).default(7),
  // Until the ping of a webhook that was added or asked for one has to be there.
  hook_ping_seconds_max: seconds(15),
  // Once every hook has its successor.
  secret_overlap_hours_max: z
    .number()
    .int()
    .nonnegative()
    .max(24 * 365)
    .default(24),
  sessions_per_token_max: z.number().int().positive().default(100),
  tokens_max: z.number().int().positive().default(1_000),
  audit_entries_max: z.number().int().positive().default(100_000),
  // A command given in a comment is obeyed for so long, and so many of them on one pull request within an hour.
  command_hours_max: z.number().int().min(1).max(720).default(24),
  commands_per_hour_max: z.number().int().min(1).max(1_000).default(20),
  // What a repository's forge could not be told is tried for so long after the build's end; and how long one question may take.
  report_hours_max: z.number().int().min(1).max(720).default(24),
  report_seconds_max: z.number().int().min(1).max(300).default(30),
  // Of a forge's API: one answer; how long it is left alone at most, whatever it says; questions without an answer, one after
  // the other, before it is asked now and then only; what waits for its turn to be told.
  forge_seconds_max: seconds(30),
  forge_answer_bytes_max: bytes(64 * 1024 * 1024),
  forge_pause_seconds_max: seconds(60 * 60),
  forge_failures_max: z.number().int().min(1).max(100).default(3),
  forge_waiting_max: z.number().int().positive().default(1_000),
  // Between two looks at the tunnel's public address.
  tunnel_check_seconds: z.number().min(0.1).max(3_600).default(5),
  // Between two attempts at a tunnel that does not open: they begin at a second, and each one waits twice as long.
  tunnel_retry_seconds_max: z.number().int().positive().max(3_600).default(300),
  // Of what was missed: what a hook has sent is looked for so far back, so many deliveries at once; and so many commits of a
  // branch. A commit that is younger is left to its delivery.
  reconcile_days_max: z.number().int().min(1).max(366).default(3),
  reconcile_deliveries_max: z.number().int().positive().max(100_000).default(10_000),
  reconcile_commits_max: z.number().int().positive().max(100_000).default(1_000),
  reconcile_grace_seconds: z.number().int().nonnegative().max(3_600).default(60),
  // Of one look at one repository.
  reconcile_seconds_max: seconds(10 * 60),
  worktree_days_max: z.number().int().min(1).max(36_500).default(30),
  ...observingLimits,
});

/** Without it no image is removed from the registry. */
export const retention = z.strictObject({
  keep_last: z.number().int().min(1, "has to leave an image of each branch").max(100_000),
  younger_than_days: z.number().int().nonnegative().max(36_500).default(14),
  keep_tags: z.array(word).max(100).default([]),
});
