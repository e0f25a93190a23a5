// What of a forge's words on a repository may stand in a label.

import { expect } from "chai";
import { repositoryAbout } from "../../ci-server/core/repository-about.ts";

describe("what is said of a repository", () => {
  const descriptionOf = (description: unknown) => repositoryAbout({ description, license: null }).description;
  const licenseOf = (license: unknown) => repositoryAbout({ description: null, license }).license;

  it("is one line, without control characters and without what turns text around", () => {
    expect(descriptionOf("Sells\r\n things,\tand\u2028more\0 ")).to.equal("Sells things, and more");
    expect(descriptionOf("\u001b[31mred\u202e txt\u2066.exe")).to.equal("[31mred txt.exe");
    expect(descriptionOf("half a character: \ud83d")).to.equal("half a character: \ufffd");
  });

  it("has an end, which is between two characters", () => {
    expect(descriptionOf("🛒".repeat(1_000))).to.equal("🛒".repeat(500));
    expect(descriptionOf("x".repeat(25 * 1024 * 1024))).to.have.length(500);
  });

  it("is a licence as SPDX writes one", () => {
    for (const license of ["MIT", "Apache-2.0", "NOASSERTION", "GPL-2.0+", "MIT OR Apache-2.0"])
      expect(licenseOf(license)).to.equal(license);
    for (const odd of ["", "MIT\n", "a=b", "x".repeat(300), "<img>", null, undefined, 7, {}])
      expect(licenseOf(odd)).to.equal(null);
  });

  it("is nothing where nothing is said", () => {
    for (const nothing of ["", "  \n", null, undefined, 7, ["x"]]) expect(descriptionOf(nothing)).to.equal(null);
  });
});
