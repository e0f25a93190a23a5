// The port Attestations on a registry: reads layers, signs, stores beside the image.

import { attestationType, envelopeMediaType, payloadType } from "../core/attestation.ts";
import { AppError } from "../core/errors.ts";
import type { AttachRequest, Attestations } from "../core/ports.ts";
import type { Signer } from "./dsse.ts";
import { findAttestations, predicateAnnotation } from "./find-attestations.ts";
import { createRegistryArtifacts } from "./registry-artifacts.ts";
import { type Artifact, attachArtifacts } from "./registry-attach.ts";
import type { RegistryHttp } from "./registry-http.ts";
import { type ContentReaderOptions, createContentReader } from "./sbom/read-image.ts";

export interface AttestationsOptions extends ContentReaderOptions {
  readonly http: RegistryHttp;
  readonly signer: Signer;
}

export function createAttestations({ http, signer, ...reading }: AttestationsOptions): Attestations {
  const registry = createRegistryArtifacts(http);
  const content = createContentReader(registry, reading);
  return {
    content,
    async find(image, digest, signal) {
      return (await findAttestations(registry, { image, digest, keys: [signer.publicKey], signal })).trusted;
    },
    async attach(request) {
      const { image, digest, signal } = request;
      const subject = await registry.manifest(image, digest, signal);
      if (subject === null) throw new AppError("unavailable", `the registry does not have ${image}@${digest} any more`);
      const artifacts = toArtifacts(signer, request);
      const digests = await attachArtifacts(http, { ...request, subject: subject.descriptor, artifacts });
      return artifacts.map(({ type }, index) => ({ type, digest: digests[index] ?? "" }));
    },
  };
}

type TypedArtifact = Artifact & { readonly type: "provenance" | "sbom" };

function toArtifacts(signer: Signer, { statements }: AttachRequest): TypedArtifact[] {
  return statements.map((statement) => ({
    type: attestationType(statement) ?? "provenance",
    artifactType: payloadType,
    layer: { mediaType: envelopeMediaType, bytes: Buffer.from(JSON.stringify(signer.sign(statement))) },
    annotations: { [predicateAnnotation]: statement.predicateType },
  }));
}
