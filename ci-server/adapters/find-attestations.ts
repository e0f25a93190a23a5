// Reads what lies beside an image, and parts what a key has signed from what nobody should trust.

import {
  attestationType,
  envelopeMediaType,
  isAbout,
  payloadType,
  provenanceType,
  sbomType,
} from "../core/attestation.ts";
import { toAppError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { SignedStatement } from "../core/ports.ts";
import { openEnvelope, type VerificationKey } from "./dsse.ts";
import type { RegistryArtifacts } from "./registry-artifacts.ts";

export interface FoundAttestations {
  readonly trusted: readonly SignedStatement[];
  /** Why each of the others is not. */
  readonly refused: readonly { readonly digest: string; readonly problem: string }[];
}

export interface FindRequest {
  readonly image: string;
  readonly digest: string;
  readonly keys: readonly VerificationKey[];
  readonly signal: AbortSignal;
}

export const predicateAnnotation = "in-toto.io/predicate-type";
/** A list of 100,000 packages has about half of it. */
const envelopeBytesMax = 128 * 1024 * 1024;
/** Anybody who may push may lengthen the list: what is behind this is not looked at. */
const attestationsMax = 200;

/** Throws what RegistryArtifacts throws, but not `conflict`: an attestation with other bytes is refused. */
export async function findAttestations(registry: RegistryArtifacts, request: FindRequest): Promise<FoundAttestations> {
  const { image, digest, signal } = request;
  const trusted: SignedStatement[] = [];
  const refused: { digest: string; problem: string }[] = [];
  const listed = (await registry.referrers(image, digest, signal)).filter(isCandidate).slice(-attestationsMax);
  for (const { digest: at } of listed) {
    const read = await readOne(registry, request, at);
    if ("problem" in read) refused.push({ digest: at, problem: read.problem });
    else trusted.push(read);
  }
  return { trusted, refused };
}

/** In-toto statements of other kinds are none of ours; where the list does not say the kind, the statement is read. */
function isCandidate({ artifactType, annotations }: Descriptor): boolean {
  const kind = annotations?.[predicateAnnotation] ?? provenanceType;
  return artifactType === payloadType && (kind === provenanceType || kind.startsWith(sbomType));
}

async function readOne(
  registry: RegistryArtifacts,
  request: FindRequest,
  at: string,
): Promise<SignedStatement | { readonly problem: string }> {
  const bytes = await readEnvelope(registry, request, at).catch((thrown: unknown) => {
    const error = toAppError(thrown);
    if (error.code === "unavailable" || request.signal.aborted) throw thrown;
    return error;
  });
  if (bytes instanceof Error) return { problem: bytes.message };
  if (bytes === null) return { problem: "the registry lists it and does not have it" };
  const opened = openEnvelope(bytes, request.keys);
  if ("problem" in opened) return opened;
  const type = attestationType(opened.statement);
  if (type === null) return { problem: `it is signed, but is neither provenance nor an SBOM` };
  if (!isAbout(opened.statement, request.digest)) return { problem: "it is signed, but is about another image" };
  return { type, digest: at, statement: opened.statement };
}

async function readEnvelope(
  registry: RegistryArtifacts,
  { image, signal }: FindRequest,
  at: string,
): Promise<Buffer | null> {
  const manifest = await registry.manifest(image, at, signal);
  const layer = manifest?.json.layers?.find(({ mediaType }) => mediaType === envelopeMediaType);
  return layer === undefined ? null : registry.blob(image, layer.digest, envelopeBytesMax, signal);
}
