import { expect } from "chai";
import { isAllowedSource, submoduleUrl } from "../../ci-server/core/source-hosts.ts";

describe("the URL of a submodule", () => {
  const parent = "https://git.acme.test/acme/shop.git";
  const cases: [written: string, expected: string | null][] = [
    ["../lib.git", "https://git.acme.test/acme/lib.git"],
    ["../../other/lib", "https://git.acme.test/other/lib"],
    ["./lib", "https://git.acme.test/acme/shop.git/lib"],
    ["../../../../../lib", "https://git.acme.test/lib"],
    ["https://github.com/acme/lib.git", "https://github.com/acme/lib.git"],
    ["git@git.acme.test:acme/lib.git", "https://git.acme.test/acme/lib.git"],
    ["git@git.acme.test:/acme/lib.git", "https://git.acme.test/acme/lib.git"],
    ["ssh://git@git.acme.test:2222/acme/lib.git", "https://git.acme.test/acme/lib.git"],
    ["git@github.com:acme/lib.git", null],
    ["http://git.acme.test/acme/lib.git", null],
    ["https://ada:pw@git.acme.test/acme/lib.git", null],
    ["https://ada@git.acme.test/acme/lib.git", null],
    ["https://git.acme.test/acme/lib.git?x=1", null],
    ["https://git.acme.test/acme/lib.git#x", null],
    ["https://git.acme.test/acme/lib.git\n", null],
    ["https://git.acme.test/a\tb", null],
    ["https://git.acme.test", null],
    ["file:///etc", null],
    ["ext::sh -c id", null],
    ["/etc", null],
    ["lib", null],
    ["", null],
  ];
  for (const [written, expected] of cases) {
    it(`that is written ${JSON.stringify(written)} is ${expected ?? "none"}`, () => {
      expect(submoduleUrl(written, parent)?.href ?? null).to.equal(expected);
    });
  }

  it("stays ssh where the repository is fetched by ssh", () => {
    const ssh = "ssh://git@git.acme.test/acme/shop.git";
    expect(submoduleUrl("../lib.git", ssh)?.href).to.equal("ssh://git@git.acme.test/acme/lib.git");
    expect(submoduleUrl("git@github.com:acme/lib.git", ssh)?.href).to.equal("ssh://git@github.com/acme/lib.git");
  });
});

describe("the hosts that sources may come from", () => {
  const hosts = ["git.acme.test", "other.test:8443", "github.com/acme"];
  const cases: [url: string, isAllowed: boolean][] = [
    ["https://git.acme.test/any/thing.git", true],
    ["https://GIT.acme.test/any", true],
    ["https://git.acme.test:444/any", false],
    ["https://git.acme.test.evil.test/any", false],
    ["https://evil-git.acme.test/any", false],
    ["https://git.acme.test@evil.test/any", false],
    ["https://other.test:8443/a", true],
    ["https://other.test/a", false],
    ["https://github.com/acme/lib.git", true],
    ["https://github.com/Acme/lib.git", true],
    ["https://github.com/acme", false],
    ["https://github.com/acme-evil/lib.git", false],
    ["https://github.com/acme/../evil/lib.git", false],
    ["https://github.com/acme/%2e%2e/evil/lib.git", false],
    ["https://169.254.169.254/latest", false],
    ["https://[::1]/git.acme.test", false],
  ];
  for (const [url, isAllowed] of cases) {
    it(`${isAllowed ? "have" : "do not have"} ${url}`, () => {
      expect(isAllowedSource(new URL(url), hosts)).to.equal(isAllowed);
    });
  }
});
