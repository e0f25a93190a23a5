// What the configuration says of metrics, traces and notifications, with the secrets that it names.

import path from "node:path";
import type { SmtpOptions } from "./adapters/notify/email.ts";
import { httpUrl, type ObservingFields } from "./config-observing-schema.ts";
import { readSecretFile, type SecretSource, weaknessOf } from "./config-secrets.ts";
import type { NotificationRule } from "./core/notification.ts";

export type ChannelConfig =
  | (NotificationRule & { readonly type: "webhook"; readonly url: string; readonly secret: string })
  | (NotificationRule & { readonly type: "slack"; readonly url: string })
  | (NotificationRule & {
      readonly type: "email";
      readonly from: string;
      readonly to: readonly string[];
      readonly smtp: SmtpOptions;
    });

export interface ObservingConfig {
  /** Under which people reach this server, without a slash at its end; null: nobody has said. */
  readonly publicUrl: string | null;
  readonly metricsAreOpen: boolean;
  /** The whole URL that spans are sent to; null: nobody traces. */
  readonly tracesUrl: string | null;
  readonly channels: readonly ChannelConfig[];
}

/** Relative paths start at `folder`. */
export function toObserving(
  given: ObservingFields,
  { env }: SecretSource,
  folder: string,
  mistakes: string[],
): ObservingConfig {
  return {
    publicUrl: given.public_url ?? null,
    metricsAreOpen: given.metrics.open,
    tracesUrl: toTracesUrl(given.tracing.endpoint, env, mistakes),
    channels: given.notifications.flatMap((one) => toChannel(one, folder, mistakes) ?? []),
  };
}

/** OpenTelemetry's own variables, and what they mean. Source: opentelemetry.io/docs/specs/otel/protocol/exporter. */
function toTracesUrl(endpoint: string | undefined, env: SecretSource["env"], mistakes: string[]): string | null {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole, OTEL_EXPORTER_OTLP_ENDPOINT: base } = env;
  if (whole) return checkedUrl("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole, mistakes);
  if (base) return withTracesPath(checkedUrl("OTEL_EXPORTER_OTLP_ENDPOINT", base, mistakes));
  return endpoint === undefined ? null : withTracesPath(endpoint);
}

function checkedUrl(variable: string, text: string, mistakes: string[]): string {
  if (!httpUrl.safeParse(text).success)
    mistakes.push(`${variable}: has to be an http:// or https:// URL without a user name or a password`);
  return text;
}

function withTracesPath(url: string): string {
  return /\/v1\/traces\/?$/.test(url) ? url : `${url.replace(/\/+$/, "")}/v1/traces`;
}

function toChannel(
  given: ObservingFields["notifications"][number],
  folder: string,
  mistakes: string[],
): ChannelConfig | null {
  const read = (field: string, file: string): string => {
    const text = readSecretFile(path.resolve(folder, file));
    if (!(text instanceof Error)) return text;
    mistakes.push(`notifications: ${given.name}: ${field}: ${text.message}`);
    return "";
  };
  const rule = { channel: given.name, on: given.on, repositories: given.repositories };
  if (given.type === "email") return { ...rule, ...toEmail(given, read) };
  const url = given.url ?? readUrl(given.name, read("url_file", given.url_file ?? ""), mistakes);
  if (given.type === "slack") return { ...rule, type: "slack", url };
  const secret = read("secret_file", given.secret_file);
  const weakness = secret === "" ? null : weaknessOf(secret);
  if (weakness !== null) mistakes.push(`notifications: ${given.name}: secret_file: ${weakness}`);
  return { ...rule, type: "webhook", url, secret };
}

/** What it says is never shown: with most of them the URL is the secret. */
function readUrl(name: string, text: string, mistakes: string[]): string {
  if (text !== "" && !httpUrl.safeParse(text).success)
    mistakes.push(`notifications: ${name}: url_file: has to hold one http:// or https:// URL`);
  return text;
}

type Email = Extract<ChannelConfig, { readonly type: "email" }>;
type GivenEmail = Extract<ObservingFields["notifications"][number], { readonly type: "email" }>;

function toEmail(
  { from, to, smtp: { host, port, security, username, password_file, ca_file } }: GivenEmail,
  read: (field: string, file: string) => string,
): Pick<Email, "type" | "from" | "to" | "smtp"> {
  return {
    ...{ type: "email", from, to },
    smtp: {
      ...{ host, security, port: port ?? { starttls: 587, tls: 465, none: 25 }[security] },
      username: username ?? null,
      password: password_file === undefined ? null : read("smtp.password_file", password_file),
      ca: ca_file === undefined ? null : read("smtp.ca_file", ca_file),
    },
  };
}
