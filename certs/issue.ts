// Signs certificates with @peculiar/x509: loaded only when one has to be made, for it takes a while.

import "reflect-metadata";
import { createPublicKey, type KeyObject, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

const dayMs = 24 * 3600 * 1000;
const authorityDays = 3650;
// Some clients refuse a certificate for longer, also one of a private authority (Apple, HT210176).
const leafDays = 825;
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const authorityName = "CN=Mergedock private CA";

export interface LeafRequest {
  readonly ca: X509Certificate;
  readonly signer: KeyObject;
  readonly key: KeyObject;
  readonly hosts: readonly string[];
  readonly now: Date;
}

/** The authority's own certificate, as PEM. */
export async function selfSign(key: KeyObject, now: Date): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: authorityName,
    keys: { privateKey: signingKey(key), publicKey: publicKey(key) },
    ...validity(now, authorityDays),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey(key)),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** A server's certificate for `hosts`, as PEM. */
export async function sign({ ca, signer, key, hosts, now }: LeafRequest): Promise<string> {
  const issuer = new x509.X509Certificate(ca.raw);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=Mergedock registry",
    issuer: issuer.subjectName,
    publicKey: publicKey(key),
    signingKey: signingKey(signer),
    ...validity(now, leafDays),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: isIP(host) ? ("ip" as const) : ("dns" as const), value: host })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(publicKey(key)),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

function validity(now: Date, days: number) {
  // An hour of the past, because the clocks of a client and of this machine differ.
  return { notBefore: new Date(now.getTime() - 3600 * 1000), notAfter: new Date(now.getTime() + days * dayMs) };
}

function signingKey(key: KeyObject) {
  return key.toCryptoKey(ecdsa, true, ["sign"]);
}

function publicKey(key: KeyObject) {
  return createPublicKey(key).toCryptoKey(ecdsa, true, ["verify"]);
}
