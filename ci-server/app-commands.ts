// Puts together what obeys comments; begins only where a repository lets it.

import { systemClock } from "./adapters/clock.ts";
import { openWebhooks } from "./app-forges.ts";
import type { Opened } from "./app-opened.ts";
import { type ObeyEvent, startObeying } from "./flows/obey-comments.ts";

/** Notes how to stop it in `closers`. */
export function obeyComments({ config, log, postgres, forges, closers }: Opened): void {
  const { repositories, limits, observing } = config;
  if (!repositories.some(({ commands }) => commands)) return;
  const stop = startObeying({
    ...{ store: postgres.store, commands: postgres.commands, clock: systemClock, repositories },
    // They read what was verified before: no secrets are needed for that.
    ...{ forgeOf: forges.of, forges: openWebhooks(() => []), publicUrl: observing.publicUrl },
    ledgerLimits: { daysMax: limits.ledger_days_max, bytesMax: limits.ledger_bytes_max },
    auditEntriesMax: limits.audit_entries_max,
    limits: {
      hoursMax: limits.command_hours_max,
      perHourMax: limits.commands_per_hour_max,
      daysMax: limits.ledger_days_max,
    },
    report: (event) => write(log, event),
  });
  closers.push(stop);
}

function write(log: Opened["log"], event: ObeyEvent): void {
  if (event.kind === "trouble") {
    log.warn({ err: event.error }, "commands in comments could not be looked at");
    return;
  }
  const { kind, reason, job } = event;
  const { repository, pullRequest, author, command, commentId, attempts } = job;
  const fields = { repository, pullRequest, author, command: command.name, comment: commentId, attempts, reason };
  if (kind === "done") log.info(fields, "command in a comment obeyed");
  else if (kind === "refused") log.info(fields, "command in a comment refused");
  else if (kind === "postponed") log.info(fields, "command in a comment not obeyed, it is tried again");
  else log.warn(fields, "command in a comment not obeyed, it is not tried again");
}
