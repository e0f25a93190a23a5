// The installation's key: what its attestations are signed with, and verified.

import { generateKeyPairSync } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { createOnce, readIfThere, replaceFile } from "../certs/files.ts";
import { createSigner, type Signer } from "./adapters/dsse.ts";
import type { Config } from "./config.ts";

/**
 * The key that attestations are signed with. Of a receiver alone, null unless it is configured: the workers sign, and a key
 * of its own would be one that nothing is signed with. The public key lies beside it for those who verify.
 */
export async function attestationSigner(config: Config): Promise<Signer | null> {
  const { key, enabled } = config.attestations;
  if (key !== null) return createSigner(key, "attestations.key_file");
  if (!enabled || config.role !== "all") return null;
  const { privateKey } = generateKeyPairSync("ed25519");
  const file = path.join(config.stateFolder, "secrets", "attestation-key.pem");
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const text = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  const signer = createSigner(await createOnce({ file, text }), file);
  const publicFile = publicKeyFile(config);
  // Somebody may have put another private key in the place of the first one.
  if ((await readIfThere(publicFile)) !== signer.publicKey.pem)
    await replaceFile({ file: publicFile, text: signer.publicKey.pem, mode: 0o644 });
  return signer;
}

export function publicKeyFile({ stateFolder }: Pick<Config, "stateFolder">): string {
  return path.join(stateFolder, "secrets", "attestation-key.pub.pem");
}
