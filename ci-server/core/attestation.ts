// A signed statement about an image: its shape, what is signed of it, and under which types it is stored.
// Source: in-toto attestation framework v1 (Statement, Envelope); DSSE 1.0.2, protocol.md.

import { z } from "zod";
import type { Attestation } from "./build.ts";

export const statementType = "https://in-toto.io/Statement/v1";
export const provenanceType = "https://slsa.dev/provenance/v1";
export const sbomType = "https://cyclonedx.org/bom";
export const payloadType = "application/vnd.in-toto+json";
export const envelopeMediaType = "application/vnd.dsse.envelope.v1+json";

/** Only what a reader needs to know of any statement: fields that it does not know are to be ignored. */
export const statement = z.object({
  _type: z.literal(statementType),
  subject: z.array(z.object({ name: z.string().optional(), digest: z.record(z.string(), z.string()) })).min(1),
  predicateType: z.string(),
  predicate: z.unknown(),
});
export type Statement = z.infer<typeof statement>;

export const envelope = z.object({
  payload: z.string(),
  payloadType: z.string(),
  signatures: z.array(z.object({ keyid: z.string().optional(), sig: z.string() })).min(1),
});
export type Envelope = z.infer<typeof envelope>;

/** Null for a statement of another kind. */
export function attestationType({ predicateType }: Statement): Attestation["type"] | null {
  if (predicateType === provenanceType) return "provenance";
  // Others write the version of the document behind it.
  return predicateType === sbomType || predicateType.startsWith(`${sbomType}/`) ? "sbom" : null;
}

/** A statement about exactly one image. `name`: without tag and digest. */
export function statementAbout(
  image: { readonly name: string; readonly digest: string },
  predicateType: string,
  predicate: object,
): Statement {
  const [algorithm = "", hex = ""] = image.digest.split(":");
  return {
    _type: statementType,
    subject: [{ name: image.name, digest: { [algorithm]: hex } }],
    predicateType,
    predicate,
  };
}

/** Subjects are matched by digest alone. */
export function isAbout({ subject }: Statement, digest: string): boolean {
  const [algorithm = "", hex] = digest.split(":");
  return subject.some((one) => one.digest[algorithm] === hex);
}

/** What is signed: the type and the body, each with its length, so that neither can be taken for a part of the other. */
export function preAuthEncoding(type: string, body: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const typeBytes = encoder.encode(type);
  const head = encoder.encode(`DSSEv1 ${typeBytes.length} ${type} ${body.length} `);
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return all;
}
