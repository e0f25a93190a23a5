// The program's own log: JSON lines, or readable ones on a terminal, with everything that may hold a secret left out.

import { type DestinationStream, type Logger, pino } from "pino";
import pretty from "pino-pretty";

const secretFields = ["password", "secret", "secrets", "token", "adminToken", "authorization", "authconfig"];

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
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: "[redacted]" },
    },
    destination,
  );
}
