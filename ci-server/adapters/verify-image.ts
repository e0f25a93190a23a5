// Checks what is attested of an image with nothing but the registry and public keys: no server, no log of signatures.

import { AppError } from "../core/errors.ts";
import type { ImageReference } from "../core/parse-reference.ts";
import type { SignedStatement } from "../core/ports.ts";
import type { VerificationKey } from "./dsse.ts";
import { type FoundAttestations, findAttestations } from "./find-attestations.ts";
import { createRegistryArtifacts } from "./registry-artifacts.ts";
import type { RegistryHttp } from "./registry-http.ts";

/** What lies beside the image and is not to be trusted: anybody who may push can put it there. */
type Refused = FoundAttestations["refused"];

export interface Verified {
  readonly digest: string;
  /** At least one of each, in the registry's order. */
  readonly provenances: readonly SignedStatement[];
  readonly sboms: readonly SignedStatement[];
  readonly refused: Refused;
}

export type Verification = Verified | { readonly problem: string };

/**
 * The manifest's bytes have the digest, and provenance and an SBOM of exactly that digest are signed with one of the keys.
 * What is refused beside them does not matter. Layers are not read: whoever pulls by the digest checks them. A problem is
 * what was found and is not as it has to be; what keeps the registry from being asked is thrown.
 */
export async function verifyImage(
  http: RegistryHttp,
  reference: ImageReference,
  keys: readonly VerificationKey[],
  signal: AbortSignal,
): Promise<Verification> {
  const registry = createRegistryArtifacts(http);
  const { path: image } = reference;
  const asked = reference.digest ?? reference.tag ?? "";
  try {
    const manifest = await registry.manifest(image, asked, signal);
    if (manifest === null) return { problem: `the registry has no ${image} ${asked}` };
    const { digest } = manifest.descriptor;
    const { trusted, refused } = await findAttestations(registry, { image, digest, keys, signal });
    const ofType = (type: SignedStatement["type"]) => trusted.filter((one) => one.type === type);
    const [provenances, sboms] = [ofType("provenance"), ofType("sbom")];
    if (provenances.length === 0) return { problem: whyNot(`${image}@${digest}`, "provenance", refused) };
    if (sboms.length === 0) return { problem: whyNot(`${image}@${digest}`, "SBOM", refused) };
    return { digest, provenances, sboms, refused };
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === "conflict") return { problem: thrown.message };
    throw thrown;
  }
}

function whyNot(image: string, what: string, refused: Refused): string {
  if (refused.length === 0)
    return `${image} has no signed ${what}: it was not made here, or what was attested of it was removed`;
  const reasons = refused.map(({ digest, problem }) => `\n  ${digest}: ${problem}`).join("");
  return `${image} has no signed ${what} that can be trusted; beside it lies:${reasons}`;
}
