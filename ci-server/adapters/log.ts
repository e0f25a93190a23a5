// The program's own log: JSON lines, or readable ones on a terminal, with everything that may hold a secret left out.

import { type DestinationStream, type Logger, pino, stdSerializers } from "pino";
import pretty from "pino-pretty";
import { redact } from "./redact.ts";

/** Of a child's own fields, which no formatter sees; `redact` looks through all others. */
const secretFields = ["password", "secret", "secrets", "token", "adminToken", "authorization", "authconfig", "headers"];

export interface LogOptions {
  readonly level: string;
  /** Where the lines go; stderr, readable when that is a terminal, when absent. */
  readonly destination?: DestinationStream;
}

export function createLog(options: LogOptions): Logger {
  const destination = options.destination ?? (process.stderr.isTTY ? pretty({ destination: 2 }) : pino.destination(2));
  return pino(
    {
      level: options.level,
      base: null,
      formatters: { log: toSafe },
      redact: { paths: secretFields, censor: "[redacted]" },
      serializers: { err: (error: unknown) => (error instanceof Error ? redact(stdSerializers.err(error)) : error) },
    },
    destination,
  );
}

function toSafe(fields: object): Record<string, unknown> {
  return redact(fields) as Record<string, unknown>; // of an object it makes an object
}
