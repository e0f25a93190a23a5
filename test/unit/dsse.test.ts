// Signed envelopes: what is taken, and what is refused with which words.

import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { expect } from "chai";
import { createSigner, openEnvelope, readPublicKey, type Signer } from "../../ci-server/adapters/dsse.ts";
import { type Envelope, preAuthEncoding, statementAbout } from "../../ci-server/core/attestation.ts";

const said = statementAbout({ name: "acme/shop", digest: `sha256:${"a".repeat(64)}` }, "https://example.com/x", {
  n: 1,
});

function makePem(): string {
  return String(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }));
}

describe("a signed statement", () => {
  const pem = makePem();
  const signer: Signer = createSigner(pem, "the key");
  const other: Signer = createSigner(makePem(), "the other key");
  const open = (envelope: unknown, keys = [signer.publicKey]) =>
    openEnvelope(Buffer.from(JSON.stringify(envelope)), keys);
  const signed = signer.sign(said);

  it("is taken with its own key, among whichever others", () => {
    const trusted = { statement: said, keyId: signer.publicKey.id };
    expect(open(signed)).to.deep.equal(trusted);
    expect(open(signed, [other.publicKey, signer.publicKey])).to.deep.equal(trusted);
    expect(signed.payloadType).to.equal("application/vnd.in-toto+json");
    expect(signed.signatures[0]?.keyid).to.match(/^[0-9a-f]{64}$/);
  });

  it("is the same each time, so that the registry stores it once", () => {
    expect(JSON.stringify(signer.sign(said))).to.equal(JSON.stringify(signed));
  });

  it("is taken in either alphabet of base64, and without a name of the key", () => {
    const url = (text: string) => Buffer.from(text, "base64").toString("base64url");
    const [first] = signed.signatures;
    const turned = { ...signed, payload: url(signed.payload), signatures: [{ sig: url(first?.sig ?? "") }] };
    expect(open(turned)).to.have.property("statement");
  });

  const changed = Buffer.from(JSON.stringify({ ...said, predicate: { n: 2 } })).toString("base64");
  const refusals: [string, unknown, string][] = [
    ["whose payload was changed", { ...signed, payload: changed }, "it was changed after it was signed"],
    ["whose type was changed", { ...signed, payloadType: "text/plain" }, "it was changed after it was signed"],
    ["of another key", other.sign(said), `it is signed with another key (${other.publicKey.id.slice(0, 16)})`],
    ["of another key under this one's name", renamed(other.sign(said)), "it was changed after it was signed"],
    ["with a signature that is none", { ...signed, signatures: [{ sig: "" }] }, "another key (without a name)"],
    ["without a signature", { ...signed, signatures: [] }, "it is not a DSSE envelope"],
    ["that is no envelope", { hello: "world" }, "it is not a DSSE envelope"],
    ["that is signed as something else", signedAs("text/plain", JSON.stringify(said)), "is of type text/plain"],
    ["that is signed and no statement", signedAs(signed.payloadType, '{"_type":"x"}'), "is no in-toto statement"],
    ["that is signed and no JSON", signedAs(signed.payloadType, "{"), "is no in-toto statement"],
  ];
  for (const [what, envelope, words] of refusals) {
    it(`is refused: one ${what}`, () => {
      expect(open(envelope)).to.have.property("problem").that.contains(words);
    });
  }

  function renamed(envelope: Envelope): Envelope {
    return { ...envelope, signatures: envelope.signatures.map(({ sig }) => ({ sig, keyid: signer.publicKey.id })) };
  }

  function signedAs(payloadType: string, text: string): Envelope {
    const body = Buffer.from(text);
    const sig = sign(null, preAuthEncoding(payloadType, body), createPrivateKey(pem)).toString("base64");
    return { payload: body.toString("base64"), payloadType, signatures: [{ sig }] };
  }
});

describe("the key of attestations", () => {
  it("is an ed25519 key in PEM, and anything else is refused with what to do", () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const rsaPem = String(rsa.privateKey.export({ type: "pkcs8", format: "pem" }));
    expect(() => createSigner(rsaPem, "key.pem")).to.throw("key.pem: is a key, but not of ed25519; make a key with");
    expect(() => createSigner("hello", "key.pem")).to.throw("key.pem: has to be an ed25519 private key in PEM");
    expect(() => readPublicKey("hello", "pub.pem")).to.throw("pub.pem: has to be an ed25519 public key in PEM");
    const signer = createSigner(makePem(), "key.pem");
    expect(readPublicKey(signer.publicKey.pem, "pub.pem").id).to.equal(signer.publicKey.id);
  });
});
