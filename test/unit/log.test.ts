// What the program's own log leaves out.

import { expect } from "chai";
import { createLog } from "../../ci-server/adapters/log.ts";
import { AppError } from "../../ci-server/core/errors.ts";

describe("the program's own log", () => {
  const secret = "ghs_16C7e42F292c6912E7710c838347Ae178B4a";

  function write(fields: object, bindings: Record<string, unknown> = {}): string {
    const written: string[] = [];
    const log = createLog({ level: "info", destination: { write: (line) => void written.push(line) } });
    log.child(bindings).info(fields, "something happened");
    return written.join("");
  }

  it("T9: shows no header that may hold a secret, in whatever case and however deep it lies", () => {
    const names = [
      ...["authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "X-Hub-Signature-256", "x-hub-signature"],
      ...["X-Github-Encoded-Secret", "X-Gitlab-Token", "webhook-signature", "x-api-key"],
    ];
    for (const name of names) {
      const nested = { request: { raw: { a: { b: [{ headers: { [name]: secret } }] } } } };
      for (const fields of [{ [name]: secret }, { headers: { [name]: [secret] } }, nested])
        expect(write(fields), name).not.to.include(secret);
    }
  });

  it("shows no field that is called like a secret, alone, in a list or in an error", () => {
    for (const name of [
      "password",
      "registryPassword",
      "client_secret",
      "adminToken",
      "secrets",
      "privateKey",
      "authconfig",
    ]) {
      const value = name === "authconfig" ? { auth: { x: secret } } : [secret];
      const cause = Object.assign(new Error("x"), { [name]: value });
      const err = new AppError("internal", "it broke", { details: { [name]: value }, cause });
      for (const text of [write({ [name]: value }), write({ deep: [{ [name]: value }] }), write({ err })]) {
        expect(text, name).not.to.include(secret);
        expect(text).to.include("something happened");
      }
    }
  });

  it("shows no secret that stands at each line of a part of it", () => {
    for (const name of ["password", "secret", "token", "adminToken", "authorization", "headers"]) {
      const text = write({}, { [name]: secret, buildId: 7 });
      expect(text, name).not.to.include(secret);
      expect(text).to.include('"buildId":7');
    }
  });

  it("shows no password of a URL and no bearer token within a text", () => {
    const text = write({
      err: new Error(`cannot fetch https://ci:${secret}@forge.test/acme/shop.git`),
      detail: `sent Bearer ${secret}`,
    });
    expect(text).not.to.include(secret);
    expect(text).to.include("https://[redacted]@forge.test/acme/shop.git");
  });

  it("shows everything else as it is", () => {
    const fields = {
      buildId: 7,
      failure: { kind: "secret", message: "it has no secret" },
      secretId: "ab12",
      at: new Date(0),
      none: null,
    };
    expect(JSON.parse(write(fields))).to.deep.include({
      ...fields,
      at: "1970-01-01T00:00:00.000Z",
      msg: "something happened",
    });
  });
});
