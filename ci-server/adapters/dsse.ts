// Signs statements with an ed25519 key, and checks the signatures of others. Source: DSSE 1.0.2; RFC 8032.

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import {
  type Envelope,
  envelope,
  payloadType,
  preAuthEncoding,
  type Statement,
  statement,
} from "../core/attestation.ts";
import { AppError } from "../core/errors.ts";

export interface VerificationKey {
  /** SHA-256 of the public key's SPKI form, in hex. */
  readonly id: string;
  readonly key: KeyObject;
  readonly pem: string;
}

export interface Signer {
  readonly publicKey: VerificationKey;
  /** The same statement gives the same envelope: an ed25519 signature has no chance in it. */
  sign(statement: Statement): Envelope;
}

/** What an envelope holds, or why it is not to be trusted. */
export type Opened = { readonly statement: Statement; readonly keyId: string } | { readonly problem: string };

/** Throws `invalid`; `where` is what the operator has to look at. */
export function createSigner(pem: string, where: string): Signer {
  const key = readKey(() => createPrivateKey(pem), where, "private");
  const publicKey = describe(createPublicKey(key));
  return {
    publicKey,
    sign(signed) {
      const body = Buffer.from(JSON.stringify(signed));
      const sig = sign(null, preAuthEncoding(payloadType, body), key).toString("base64");
      return { payload: body.toString("base64"), payloadType, signatures: [{ keyid: publicKey.id, sig }] };
    },
  };
}

/** Throws `invalid`; `where` is what the operator has to look at. */
export function readPublicKey(pem: string, where: string): VerificationKey {
  return describe(readKey(() => createPublicKey(pem), where, "public"));
}

/** The statement that is returned is of the very bytes whose signature was checked. */
export function openEnvelope(bytes: Uint8Array, keys: readonly VerificationKey[]): Opened {
  const read = envelope.safeParse(parseJson(bytes));
  if (!read.success) return { problem: "it is not a DSSE envelope" };
  const { payload, payloadType: type, signatures } = read.data;
  // Both alphabets of base64 are allowed, and Buffer takes both.
  const body = Buffer.from(payload, "base64");
  const encoded = preAuthEncoding(type, body);
  // The key's id is not signed: it does not say which key to trust, and here not even which to try.
  const signer = keys.find(({ key }) =>
    signatures.some(({ sig }) => verify(null, encoded, key, Buffer.from(sig, "base64"))),
  );
  if (signer === undefined) return { problem: whyNot(signatures, keys) };
  if (type !== payloadType) return { problem: `it is signed, but is of type ${type} and no in-toto statement` };
  const said = statement.safeParse(parseJson(body));
  return said.success
    ? { statement: said.data, keyId: signer.id }
    : { problem: "it is signed, but is no in-toto statement of version 1" };
}

function whyNot(signatures: Envelope["signatures"], keys: readonly VerificationKey[]): string {
  const names = signatures.map(({ keyid }) => keyid ?? "");
  return names.some((name) => keys.some(({ id }) => id === name))
    ? "its signature does not fit what it says: it was changed after it was signed"
    : `it is signed with another key (${names.map((name) => name.slice(0, 16) || "without a name").join(", ")})`;
}

function readKey(read: () => KeyObject, where: string, kind: "private" | "public"): KeyObject {
  const help = "make a key with: openssl genpkey -algorithm ed25519";
  try {
    const key = read();
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch (cause) {
    throw new AppError("invalid", `${where}: has to be an ed25519 ${kind} key in PEM; ${help}`, { cause });
  }
  throw new AppError("invalid", `${where}: is a key, but not of ed25519; ${help}`);
}

function describe(key: KeyObject): VerificationKey {
  const der = key.export({ type: "spki", format: "der" });
  const id = createHash("sha256").update(der).digest("hex");
  return { id, key, pem: String(key.export({ type: "spki", format: "pem" })) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return null;
  }
}
