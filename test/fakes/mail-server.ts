// A mail server on loopback: real SMTP with STARTTLS and a sign-in; what it takes goes nowhere.

import { EventEmitter, on, once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { makeCertificates } from "../../certs/make-certs.ts";

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body as they came. */
  readonly source: string;
  readonly wasEncrypted: boolean;
}

export interface FakeMailServer {
  readonly port: number;
  readonly caFile: string;
  readonly mails: readonly Mail[];
  atLeast(count: number): Promise<readonly Mail[]>;
  stop(): Promise<void>;
}

const waitMsMax = 20_000;

export async function startFakeMailServer(
  folder: string,
  account: { user: string; pass: string },
): Promise<FakeMailServer> {
  const made = await makeCertificates({ folder: join(folder, "mail-certs"), hosts: ["localhost", "127.0.0.1"] });
  const mails: Mail[] = [];
  const news = new EventEmitter();
  const server = new SMTPServer({
    cert: readFileSync(made.certFile),
    key: readFileSync(made.keyFile),
    authOptional: false,
    logger: false,
    onAuth(auth, _session, done) {
      const isKnown = auth.username === account.user && auth.password === account.pass;
      done(isKnown ? null : new Error("no such account"), isKnown ? { user: account.user } : undefined);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? "" : mailFrom.address;
        const to = rcptTo.map(({ address }) => address);
        mails.push({ from, to, source: Buffer.concat(chunks).toString(), wasEncrypted: session.secure });
        news.emit("mail");
        done();
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const address = server.server.address();
  return {
    ...{ port: typeof address === "object" && address !== null ? address.port : 0, caFile: made.caFile, mails },
    async atLeast(count) {
      const coming = on(news, "mail", { signal: AbortSignal.timeout(waitMsMax) });
      while (mails.length < count) await coming.next();
      await coming.return?.();
      return mails;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
