// Puts notifications together: the channels of the configuration, what the log and the metrics hear of them.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import type { Metrics } from "./adapters/metrics/registry.ts";
import { createEmailChannel } from "./adapters/notify/email.ts";
import { createSlackChannel } from "./adapters/notify/slack.ts";
import { createWebhookChannel } from "./adapters/notify/webhook.ts";
import { createNotificationStore } from "./adapters/postgres/notifications.ts";
import type { OpenPostgres } from "./adapters/postgres/open.ts";
import type { Config } from "./config.ts";
import type { ChannelConfig } from "./config-observing.ts";
import type { Channel } from "./core/ports.ts";
import { type NotifyEvent, type Notifying, startNotifying } from "./flows/notify.ts";

export interface NotifyingNeeds {
  readonly config: Config;
  readonly log: Logger;
  readonly postgres: OpenPostgres;
  readonly metrics: Metrics;
}

/** Begins now. Without channels it only forgets whom nobody is to be told of. */
export function startNotifications({ config, log, postgres, metrics }: NotifyingNeeds): Notifying {
  const { limits, observing } = config;
  return startNotifying({
    store: createNotificationStore(postgres.pool),
    clock: systemClock,
    rules: observing.channels,
    channels: observing.channels.map((one) => toChannel(one, config)),
    limits: {
      attemptsMax: limits.notification_attempts_max,
      hoursMax: limits.notification_hours_max,
      secondsMax: limits.notification_seconds_max,
      daysMax: limits.notification_days_max,
    },
    report(event) {
      count(metrics, event);
      write(log, event);
    },
  });
}

function toChannel(given: ChannelConfig, { observing: { publicUrl }, limits }: Config): Channel {
  const name = given.channel;
  if (given.type === "webhook") return createWebhookChannel({ ...given, name, publicUrl });
  if (given.type === "slack") return createSlackChannel({ ...given, name, publicUrl });
  return createEmailChannel({ ...given, name, publicUrl, timeoutMs: limits.notification_seconds_max * 1_000 });
}

function count({ notifications, systemErrors }: Metrics, event: NotifyEvent): void {
  if (event.kind === "trouble") systemErrors.inc({ cicd_system_component: "notifier", error_type: "database" });
  else if (event.kind !== "given_up") notifications.inc({ channel: event.notification.channel, outcome: event.kind });
}

function write(log: Logger, event: NotifyEvent): void {
  if (event.kind === "trouble") {
    log.warn({ err: event.error }, "notifications could not be looked at");
    return;
  }
  if (event.kind === "given_up") {
    log.warn({ count: event.count }, "notifications were given up for their age");
    return;
  }
  const { id, channel, notice, attempts } = event.notification;
  const fields = { notification: id, channel, buildId: notice.build.id, repository: notice.build.repository, attempts };
  if (event.kind === "sent") log.info(fields, "notification sent");
  else if (event.kind === "retried")
    log.info({ ...fields, problem: event.problem }, "notification not sent, it is tried again");
  else log.warn({ ...fields, problem: event.problem }, "notification not sent, it is not tried again");
}
