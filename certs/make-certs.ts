// The private certificate authority and the registry's certificate that it signs.

import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { createOnce, readIfThere, replaceFile } from "./files.ts";

const dayMs = 24 * 3600 * 1000;
const renewBeforeDays = 60;

export interface CertificateFiles {
  /** Public: what an engine or a client trusts. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** `hosts`: the DNS names and IP addresses under which the registry is reached; at least one. */
export interface CertificateOptions {
  readonly folder: string;
  readonly hosts: readonly string[];
  readonly now?: Date;
}

/**
 * Makes what is missing of `ca.key`, `ca.crt`, `registry.key` and `registry.crt` in `folder`; may run as often and as
 * many times at once as one likes. Keys are made once. The leaf is made anew when it lacks a host, is about to expire or
 * was not signed by this CA. `ca.key` may be kept elsewhere as long as no leaf has to be made.
 */
export async function makeCertificates(options: CertificateOptions): Promise<CertificateFiles> {
  const { folder, hosts, now = new Date() } = options;
  if (hosts.length === 0) throw new Error("a certificate needs at least one host name or IP address");
  await mkdir(folder, { recursive: true });
  const files: CertificateFiles = {
    caFile: join(folder, "ca.crt"),
    certFile: join(folder, "registry.crt"),
    keyFile: join(folder, "registry.key"),
  };
  const ca = await authority(folder, files.caFile, now);
  const key = createPrivateKey(await createOnce({ file: files.keyFile, text: newKey() }));
  const leaf = await readIfThere(files.certFile);
  if (leaf === undefined || !isGood(new X509Certificate(leaf), { ca, key, hosts, now })) {
    const signer = await authorityKey(folder, ca);
    const { sign } = await import("./issue.ts");
    await replaceFile({ file: files.certFile, text: await sign({ ca, signer, key, hosts, now }), mode: 0o644 });
  }
  return files;
}

async function authority(folder: string, caFile: string, now: Date): Promise<X509Certificate> {
  const there = await readIfThere(caFile);
  if (there !== undefined) return new X509Certificate(there);
  const key = createPrivateKey(await createOnce({ file: join(folder, "ca.key"), text: newKey() }));
  const { selfSign } = await import("./issue.ts");
  return new X509Certificate(await createOnce({ file: caFile, text: await selfSign(key, now), mode: 0o644 }));
}

async function authorityKey(folder: string, ca: X509Certificate): Promise<KeyObject> {
  const text = await readIfThere(join(folder, "ca.key"));
  const key = text === undefined ? undefined : createPrivateKey(text);
  if (key === undefined || !ca.checkPrivateKey(key)) {
    throw new Error(
      `${join(folder, "ca.key")} is missing or is not the key of ca.crt: bring it back, or remove ca.crt to start a new CA`,
    );
  }
  return key;
}

interface LeafOptions {
  readonly ca: X509Certificate;
  readonly key: KeyObject;
  readonly hosts: readonly string[];
  readonly now: Date;
}

function isGood(leaf: X509Certificate, { ca, key, hosts, now }: LeafOptions): boolean {
  const covers = (host: string) => (isIP(host) ? leaf.checkIP(host) : leaf.checkHost(host, { subject: "never" }));
  return (
    hosts.every((host) => covers(host) !== undefined) &&
    leaf.validToDate.getTime() - now.getTime() > renewBeforeDays * dayMs &&
    leaf.checkPrivateKey(key) &&
    leaf.checkIssued(ca) &&
    leaf.verify(ca.publicKey)
  );
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
