// The one error class of the program and the list of its codes.

export const errorCodes = [
  "invalid",
  "unauthorized",
  "forbidden",
  "not_found",
  "conflict",
  "too_large",
  "unsupported",
  "misdirected",
  "rate_limited",
  "unavailable",
  "timeout",
  "cancelled",
  "build_failed",
  "not_implemented",
  "internal",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** `cause`: what was caught. `details`: fields for the log and for the caller; never a secret. */
export interface AppErrorOptions {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What went wrong, to what, and what to do next (`message`), under a code that callers and retry policies read. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Every thrown value as an AppError: one without a code is `internal`. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError("internal", message, { cause: thrown });
}
