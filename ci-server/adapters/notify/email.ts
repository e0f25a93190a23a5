// Tells people by e-mail over SMTP. The library is loaded with the first one: most installations have no use for it.

import type { Transporter } from "nodemailer";
import { AppError } from "../../core/errors.ts";
import { toMail } from "../../core/mail-message.ts";
import type { Channel } from "../../core/ports.ts";

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** `starttls`: refused where the server does not offer it. `tls`: from the first byte. `none`: in the clear, and without a password. */
  readonly security: "starttls" | "tls" | "none";
  readonly username: string | null;
  readonly password: string | null;
  /** PEM; null trusts the machine's authorities. */
  readonly ca: string | null;
}

export interface EmailChannelOptions {
  readonly name: string;
  readonly smtp: SmtpOptions;
  readonly from: string;
  readonly to: readonly string[];
  readonly publicUrl: string | null;
  /** Of one attempt. */
  readonly timeoutMs: number;
}

/** One connection for each e-mail: there are few, and none is kept open. */
export function createEmailChannel(options: EmailChannelOptions): Channel {
  const { name, from, to, publicUrl } = options;
  return {
    name,
    async send({ id, notice }, signal) {
      const transport = await connect(options);
      const stop = () => transport.close();
      signal.addEventListener("abort", stop, { once: true });
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      try {
        const sending = transport.sendMail({
          ...toMail(notice, publicUrl),
          ...{ from, to: [...to] },
          // The same for each attempt: a mail reader shows those that are one as one.
          messageId: `<${id}@mergedock>`,
          headers: { "Auto-Submitted": "auto-generated" },
        });
        await Promise.race([sending, aborted]);
      } catch (cause) {
        throw toChannelError(cause, signal);
      } finally {
        signal.removeEventListener("abort", stop);
        transport.close();
      }
    },
  };
}

async function connect({ smtp, timeoutMs }: EmailChannelOptions): Promise<Transporter> {
  const { createTransport } = await import("nodemailer");
  const { host, port, security, username, password, ca } = smtp;
  return createTransport({
    ...{ host, port, secure: security === "tls", requireTLS: security === "starttls", ignoreTLS: security === "none" },
    ...(username !== null && password !== null && { auth: { user: username, pass: password } }),
    ...(ca !== null && { tls: { ca } }),
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    // What a title says is never taken for a file or an address to read.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
}

/** 5xx is for good, but for the answers to a sign-in, which the operator may mend. Source: RFC 5321, 4.2.1. */
function toChannelError(cause: unknown, signal: AbortSignal): AppError {
  if (signal.aborted) return new AppError("unavailable", "the mail server did not answer in time", { cause });
  const { code = "", responseCode } = cause as { readonly code?: string; readonly responseCode?: number }; // nodemailer's SMTPError
  const answer = responseCode === undefined ? code : `${code} ${responseCode}`;
  const isFinal = responseCode !== undefined && responseCode >= 550 && code !== "EAUTH";
  return new AppError(isFinal ? "invalid" : "unavailable", `the mail server did not take it (${answer})`, { cause });
}
