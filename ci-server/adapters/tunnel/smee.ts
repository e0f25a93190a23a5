// A channel of smee.io, or of a smee server of one's own: listens to what forges have posted there and hands it to the webhook
// listener. The service keeps the JSON value of a body and not its bytes, over which the forge has signed: they are written anew, in
// the spelling whose signature is right.
// Source: github.com/probot/smee.io, lib/server.js.

import { z } from "zod";
import { spellingsOf } from "../../core/json-spellings.ts";
import type { Clock, ForgeRequest, Tunnel, TunnelState, TunnelTarget } from "../../core/ports.ts";
import { localMode, localUrl } from "../../core/public-address.ts";
import { readEvents } from "./event-stream.ts";

/** The service says something every 30 s. */
const silenceMsMax = 90_000;
const firstRetryMs = 1_000;
/** The forge was answered by the service, and does not send a second time: what the listener cannot take now is tried again. */
const handInsMax = 6;
const handInMsMax = 30_000;
/** Of what the service puts around a body. */
const aroundBytesMax = 256 * 1024;
const forgeHeaders = /^(?:x-(?:github|gitea|forgejo|gogs|hub|gitlab)-[a-z\d-]+|user-agent)$/;

export interface SmeeOptions {
  /** Of the channel. */
  readonly url: string;
  readonly bodyBytesMax: number;
  readonly retryMsMax: number;
  readonly clock: Clock;
  /** The forge that sent it, by its headers; null: none that is known. */
  readonly forgeOf: (headers: ForgeRequest["headers"]) => string | null;
  readonly isSigned: (forge: string, request: ForgeRequest) => boolean;
  readonly report: (trouble: SmeeTrouble) => void;
}

/** `what` became of a delivery that the forge believes to have been taken. */
export interface SmeeTrouble {
  readonly what: string;
  readonly event: string | null;
  readonly delivery: string | null;
}

const message = z.looseObject({ body: z.unknown() });

export function createSmeeTunnel(options: SmeeOptions): Tunnel {
  const stopping = new AbortController();
  const state: { now: TunnelState } = { now: localMode("the channel of smee is being opened") };
  let listening: Promise<void> = Promise.resolve();
  return {
    open(target) {
      listening = keepListening(options, target, state, stopping.signal);
    },
    look: async () => state.now,
    async close() {
      stopping.abort();
      await listening;
    },
  };
}

async function keepListening(
  options: SmeeOptions,
  target: TunnelTarget,
  state: { now: TunnelState },
  stopping: AbortSignal,
): Promise<void> {
  let waitMs = firstRetryMs;
  while (!stopping.aborted) {
    try {
      for await (const { name, data } of connect(options, stopping)) {
        state.now = { address: { url: options.url, isChannel: true } };
        waitMs = firstRetryMs;
        if (name === "message") await takeMessage(options, target, data, stopping);
      }
      state.now = localMode(`the channel ${options.url} was closed, and is opened again`, true);
    } catch (error) {
      state.now = localMode(`the channel ${options.url} cannot be listened to: ${reasonOf(error)}`, true);
    }
    await options.clock.sleep(waitMs, stopping).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, options.retryMsMax);
  }
}

/** Ends by an error when nothing has come for too long. */
async function* connect({ url, bodyBytesMax }: SmeeOptions, stopping: AbortSignal) {
  const silence = new AbortController();
  const listen = () => setTimeout(() => silence.abort(new Error("it says nothing")), silenceMsMax);
  let timer = listen();
  try {
    const signal = AbortSignal.any([stopping, silence.signal]);
    const response = await fetch(url, { headers: { accept: "text/event-stream" }, redirect: "error", signal });
    if (!response.ok || response.body === null) throw new Error(`it answered with ${response.status}`);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream"))
      throw new Error("it is no channel: its answer is no stream of events");
    for await (const event of readEvents(response.body, bodyBytesMax + aroundBytesMax)) {
      clearTimeout(timer);
      yield event;
      timer = listen();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Never throws: whoever knows the channel may post there what he likes. */
async function takeMessage(options: SmeeOptions, target: TunnelTarget, data: string | null, stopping: AbortSignal) {
  const parsed = data === null ? null : readMessage(data);
  const headers = parsed === null ? {} : toHeaders(parsed);
  const report = (what: string) => options.report({ ...about(headers), what });
  const forge = options.forgeOf(headers);
  if (data === null) return report("it is larger than limits.body_bytes_max");
  if (parsed === null || forge === null) return report("it is none of a known forge");
  try {
    const body = signedBody(parsed.body, (bytes) => options.isSigned(forge, { headers, body: bytes }));
    if (body === null)
      report("its signature is wrong: the secret is another, or smee has changed a number in it, such as 1.0 to 1");
    const request = { headers, body: body ?? Buffer.from(JSON.stringify(parsed.body)) };
    const isTaken = await handIn(options, `${localUrl(target)}/webhooks/${forge}`, request, stopping);
    if (!isTaken && !stopping.aborted) report("the server could not take it");
  } catch (error) {
    report(reasonOf(error));
  }
}

function about(headers: ForgeRequest["headers"]): Pick<SmeeTrouble, "event" | "delivery"> {
  return {
    event: headers["x-github-event"] ?? headers["x-gitea-event"] ?? null,
    delivery: headers["x-github-delivery"] ?? headers["x-gitea-delivery"] ?? null,
  };
}

/** Null when it is signed in none of the spellings. */
function signedBody(value: unknown, isSigned: (body: Buffer) => boolean): Buffer | null {
  for (const text of spellingsOf(value)) {
    const body = Buffer.from(text);
    if (isSigned(body)) return body;
  }
  return null;
}

function readMessage(data: string): z.infer<typeof message> | null {
  try {
    return message.safeParse(JSON.parse(data)).data ?? null;
  } catch {
    return null;
  }
}

/** The service has read the body as JSON, whatever the forge called it. */
function toHeaders(given: Readonly<Record<string, unknown>>): Record<string, string> {
  const kept = Object.entries(given).filter(
    (entry): entry is [string, string] => forgeHeaders.test(entry[0]) && typeof entry[1] === "string",
  );
  return { ...Object.fromEntries(kept), "content-type": "application/json" };
}

/** False when the listener could not take it for long. What it refuses is taken: it says why in its log. */
async function handIn(
  { clock }: SmeeOptions,
  url: string,
  { headers, body }: { readonly headers: Record<string, string>; readonly body: Buffer },
  stopping: AbortSignal,
): Promise<boolean> {
  for (let round = 0; round < handInsMax && !stopping.aborted; round += 1) {
    if (round > 0) await clock.sleep(firstRetryMs * 2 ** (round - 1), stopping).catch(() => undefined);
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(handInMsMax)]);
    const response = await fetch(url, { method: "POST", headers, body, signal }).catch(() => null);
    await response?.body?.cancel();
    if (response !== null && response.status < 500) return true;
  }
  return false;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const why = cause instanceof Error && cause.message !== "" ? cause.message : error.message;
  return why.replaceAll(/\s+/g, " ");
}
