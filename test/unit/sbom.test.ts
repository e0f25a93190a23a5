// What the files of an image say of the packages in it, and what is left of that once its layers lie upon one another.

import { expect } from "chai";
import { purl } from "../../ci-server/core/purl.ts";
import { parseApk } from "../../ci-server/core/sbom/apk.ts";
import { countPackages, cyclonedx, problemsOf } from "../../ci-server/core/sbom/cyclonedx.ts";
import { parseDpkg } from "../../ci-server/core/sbom/dpkg.ts";
import { mergeLayers } from "../../ci-server/core/sbom/merge-layers.ts";
import { parsePackageJson } from "../../ci-server/core/sbom/npm.ts";
import { parseOsRelease } from "../../ci-server/core/sbom/os-release.ts";
import type { LayerContent } from "../../ci-server/core/sbom/package.ts";
import { isPackageFile, readPackageFile } from "../../ci-server/core/sbom/package-file.ts";
import { parsePythonMetadata } from "../../ci-server/core/sbom/pip.ts";

const dpkgStatus = `Package: libc6
Status: install ok installed
Priority: optional
Section: libs
Installed-Size: 13026
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9+deb12u9
Depends: libgcc-s1, libcrypt1 (>= 1:4.4.10-10~)
Conffiles:
 /etc/ld.so.conf.d/x86_64-linux-gnu.conf d4e7a7b88a71b5ffd9e2644e71a0cfab
Description: GNU C Library: Shared libraries
 Contains the standard libraries that are used by nearly all programs on
 the system.
 .
 Version: 9.9 is only text here
Homepage: https://www.gnu.org/software/libc/libc.html

Package: vim-tiny
Status: deinstall ok config-files
Architecture: amd64
Version: 2:9.0.1378-2

Package: libgcc-s1
Status: install ok installed
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 12.2.0-14+b1
Description: GCC support library

Package: tzdata
Status: hold ok installed
Architecture: all
Version: 2024a-0+deb12u1
`;

const apkInstalled = `C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
P:busybox
V:1.36.1-r15
A:x86_64
S:500646
I:946176
T:Size optimized toolbox of many common UNIX utilities
U:https://busybox.net/
L:GPL-2.0-only
o:busybox
m:Sören Tempel <soeren+alpine@soeren-tempel.net>
t:1700000000
c:d15929a78a86065c41dd274f2f3f058986b6eee8
D:so:libc.musl-x86_64.so.1
p:cmd:busybox=1.36.1-r15
F:bin
R:busybox
a:0:0:755
Z:Q1Kr9OPNlkNhxQzFCDS2f+4r1ncZ4=

C:Q1YmIQ4oAV3zYLQ9lJ0Q7ADh5w3Pw=
P:ssl_client
V:1.36.1-r15
A:x86_64
o:busybox
F:usr/bin
R:ssl_client
`;

describe("dpkg's list of packages", () => {
  it("names those that are installed, with their source packages", () => {
    const deb = { kind: "deb", arch: "amd64" };
    expect(parseDpkg(dpkgStatus)).to.deep.equal([
      { ...deb, name: "libc6", version: "2.36-9+deb12u9", source: "glibc" },
      { ...deb, name: "libgcc-s1", version: "12.2.0-14+b1", source: "gcc-12@12.2.0-14" },
      { ...deb, name: "tzdata", version: "2024a-0+deb12u1", arch: "all", source: null },
    ]);
  });

  it("needs no status in the files of distroless images", () => {
    const text = "Package: base-files\nVersion: 12.4+deb12u5\nArchitecture: amd64\nMaintainer: Santiago Vila\n";
    const file = "var/lib/dpkg/status.d/base-files";
    const [found] = readPackageFile(file, text).packages;
    expect(found).to.include({ kind: "deb", name: "base-files", version: "12.4+deb12u5" });
    expect(isPackageFile(file)).to.equal(true);
    expect(isPackageFile("var/lib/dpkg/status.d/base-files.md5sums")).to.equal(false);
    expect(isPackageFile("var/lib/dpkg/status-old")).to.equal(false);
  });
});

describe("apk's list of packages", () => {
  it("names those that are installed, with their origins", () => {
    expect(parseApk(apkInstalled)).to.deep.equal([
      { kind: "apk", name: "busybox", version: "1.36.1-r15", arch: "x86_64", source: null },
      { kind: "apk", name: "ssl_client", version: "1.36.1-r15", arch: "x86_64", source: "busybox" },
    ]);
    for (const path of ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
      expect(isPackageFile(path), path).to.equal(true);
  });
});

describe("npm's packages", () => {
  it("are the package.json at the root of each, under whatever folder", () => {
    for (const path of [
      "app/node_modules/left-pad/package.json",
      "app/node_modules/@scope/left-pad/package.json",
      "node_modules/a/node_modules/b/package.json",
      "app/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json",
    ])
      expect(isPackageFile(path), path).to.equal(true);
    for (const path of [
      "app/package.json",
      "app/node_modules/left-pad/test/fixtures/package.json",
      "app/node_modules/package.json",
      "app/node_modules/@scope/package.json",
      "app/node_modules/.bin/package.json",
      "app/my_node_modules/a/package.json",
    ])
      expect(isPackageFile(path), path).to.equal(false);
  });

  it("have a name and a version; a file that only marks a folder has neither", () => {
    const npm = { kind: "npm", arch: null, source: null };
    const text = '\ufeff{ "name": "@scope/left-pad", "version": "1.3.0", "license": "WTFPL" }';
    expect(parsePackageJson(text)).to.deep.equal([{ ...npm, name: "@scope/left-pad", version: "1.3.0" }]);
    for (const other of ['{ "type": "module" }', "null", "[1]", '{ "name": 7, "version": "1" }', '{ "name": "x" }'])
      expect(parsePackageJson(other), other).to.deep.equal([]);
    expect(() => parsePackageJson("{")).to.throw("it is not JSON");
  });
});

describe("pip's packages", () => {
  const metadata =
    "Metadata-Version: 2.1\r\nName: zope.interface\r\nVersion: 6.1\r\n\r\nVersion: 0 stands in the text\r\n";

  it("are the metadata of wheels and of eggs", () => {
    const [found] = parsePythonMetadata(metadata);
    expect(found).to.deep.equal({ kind: "pypi", name: "zope.interface", version: "6.1", arch: null, source: null });
    for (const path of [
      "usr/lib/python3.11/site-packages/zope.interface-6.1.dist-info/METADATA",
      "usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO",
      "usr/lib/python3/dist-packages/chardet-5.1.0.egg-info",
    ])
      expect(isPackageFile(path), path).to.equal(true);
    for (const path of ["x/a-1.dist-info/RECORD", "x/METADATA", "x/a.egg-info/SOURCES.txt"])
      expect(isPackageFile(path), path).to.equal(false);
  });

  it("are none without a version", () => {
    expect(parsePythonMetadata("Name: x\n\nVersion: 1\n")).to.deep.equal([]);
    expect(parsePythonMetadata("")).to.deep.equal([]);
  });
});

describe("os-release", () => {
  it("tells the system, quoted or not", () => {
    const debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\nID_LIKE=x\n';
    expect(parseOsRelease(debian)).to.deep.equal({ id: "debian", versionId: "12" });
    expect(parseOsRelease("ID='alpine'\nVERSION_ID=3.19.1\n")).to.deep.equal({ id: "alpine", versionId: "3.19.1" });
    expect(parseOsRelease("ID=arch\n")).to.deep.equal({ id: "arch", versionId: null });
    expect(parseOsRelease("NAME=x\n")).to.equal(null);
  });
});

describe("the layers of an image", () => {
  const npm = (name: string, version = "1.0.0") => ({
    path: `app/node_modules/${name}/package.json`,
    packages: [{ kind: "npm" as const, name, version, arch: null, source: null }],
    system: null,
  });
  const layer = (change: Partial<LayerContent>): LayerContent => ({
    ...{ files: [], removed: [], emptied: [], problems: [] },
    ...change,
  });
  const names = (...layers: LayerContent[]) =>
    mergeLayers(layers).packages.map(({ name, version }) => `${name}@${version}`);

  it("add up, and a later file takes the place of an earlier one", () => {
    expect(
      names(layer({ files: [npm("a"), npm("b")] }), layer({ files: [npm("b", "2.0.0"), npm("c")] })),
    ).to.deep.equal(["a@1.0.0", "b@2.0.0", "c@1.0.0"]);
  });

  it("take away a file, a folder with all that is in it, or what a folder held", () => {
    const base = layer({ files: [npm("a"), npm("ab"), npm("b")] });
    expect(names(base, layer({ removed: ["app/node_modules/a/package.json"] }))).to.deep.equal(["ab@1.0.0", "b@1.0.0"]);
    expect(names(base, layer({ removed: ["app/node_modules/a"] }))).to.deep.equal(["ab@1.0.0", "b@1.0.0"]);
    expect(names(base, layer({ removed: ["app"] }))).to.deep.equal([]);
    expect(names(base, layer({ emptied: ["app/node_modules"], files: [npm("b", "3.0.0")] }))).to.deep.equal([
      "b@3.0.0",
    ]);
    expect(names(base, layer({ emptied: [""] }))).to.deep.equal([]);
  });

  it("take away from those below them only", () => {
    const changed = layer({ removed: ["app/node_modules/a"], files: [npm("a", "2.0.0")] });
    expect(names(layer({ files: [npm("a")] }), changed)).to.deep.equal(["a@2.0.0"]);
    expect(names(layer({ removed: ["app"] }), layer({ files: [npm("a")] }))).to.deep.equal(["a@1.0.0"]);
  });

  it("say which system it is, and what could not be read", () => {
    const file = (path: string, id: string) => ({ path, packages: [], system: { id, versionId: "1" } });
    const merged = mergeLayers([
      layer({ files: [file("usr/lib/os-release", "debian")], problems: ["first"] }),
      layer({ problems: ["second"] }),
    ]);
    expect(merged).to.deep.include({ system: { id: "debian", versionId: "1" }, problems: ["first", "second"] });
  });
});

describe("a package URL", () => {
  // Source: package-url specification, the examples of its types.
  for (const [parts, expected] of [
    [
      {
        type: "deb",
        namespace: "debian",
        name: "curl",
        version: "7.50.3-1",
        qualifiers: { distro: "jessie", arch: "i386" },
      },
      "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
    ],
    [
      { type: "deb", namespace: "debian", name: "attr", version: "1:2.4.47-2+b1", qualifiers: { arch: "amd64" } },
      "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64",
    ],
    [
      { type: "npm", namespace: "@angular", name: "animation", version: "12.3.1" },
      "pkg:npm/%40angular/animation@12.3.1",
    ],
    [
      {
        type: "apk",
        namespace: "alpine",
        name: "curl",
        version: "7.83.0-r0",
        qualifiers: { arch: "x86", distro: null },
      },
      "pkg:apk/alpine/curl@7.83.0-r0?arch=x86",
    ],
    [{ type: "pypi", name: "django-allauth", version: "12.23" }, "pkg:pypi/django-allauth@12.23"],
  ] as const) {
    it(`is ${expected}`, () => {
      expect(purl(parts)).to.equal(expected);
    });
  }
});

describe("the CycloneDX document", () => {
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
  const subject = {
    name: "localhost:5000/acme/shop",
    digest,
    date: new Date("2026-11-21T10:00:00Z"),
    version: "0.1.0",
  };
  const at = (path: string, text: string) => readPackageFile(path, text);
  const files = [
    at("etc/os-release", "ID=debian\nVERSION_ID=12\n"),
    at("var/lib/dpkg/status", dpkgStatus),
    at("app/node_modules/@s/x/package.json", '{ "name": "@s/x", "version": "1.0.0" }'),
    at("app/node_modules/b/node_modules/@s/x/package.json", '{ "name": "@s/x", "version": "1.0.0" }'),
    at("usr/lib/python3/dist-packages/Foo_Bar-1.dist-info/METADATA", "Name: Foo_Bar\nVersion: 1.0\n"),
  ];
  const content = mergeLayers([{ files, removed: [], emptied: [], problems: [] }]);

  interface Document {
    readonly serialNumber: string;
    readonly components: readonly { readonly purl?: string; readonly "bom-ref": string; readonly evidence?: unknown }[];
  }
  // The fields that the tests look at.
  const document = cyclonedx(subject, content) as Document;

  it("names every package once by its package URL, with the places where it lies, in a fixed order", () => {
    expect(document.components.map((one) => one.purl ?? one["bom-ref"])).to.deep.equal([
      "os:debian",
      "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12&upstream=glibc",
      "pkg:deb/debian/libgcc-s1@12.2.0-14%2Bb1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14",
      "pkg:deb/debian/tzdata@2024a-0%2Bdeb12u1?arch=all&distro=debian-12",
      "pkg:npm/%40s/x@1.0.0",
      "pkg:pypi/foo-bar@1.0",
    ]);
    expect(document.components[4]).to.deep.include({ group: "@s", name: "x", version: "1.0.0" });
    expect(document.components[4]?.evidence).to.deep.equal({
      occurrences: [
        { location: "/app/node_modules/@s/x/package.json" },
        { location: "/app/node_modules/b/node_modules/@s/x/package.json" },
      ],
    });
    expect(countPackages(document)).to.deep.equal({ deb: 3, npm: 1, pypi: 1 });
  });

  it("has what CycloneDX 1.6 asks for, and is numbered by the image's digest", () => {
    expect(document).to.include({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
    expect(document.serialNumber).to.equal("urn:uuid:01234567-89ab-8cde-b012-3456789abcde");
    expect(document).to.have.nested.property("metadata.timestamp", "2026-11-21T10:00:00.000Z");
    expect(document).to.have.nested.property(
      "metadata.component.purl",
      `pkg:oci/shop@${digest}?repository_url=localhost:5000%2Facme%2Fshop`,
    );
  });

  it("is the same for the same image, in whatever order its files were found", () => {
    const turned = { ...content, packages: content.packages.toReversed() };
    expect(JSON.stringify(cyclonedx(subject, turned))).to.equal(JSON.stringify(document));
  });

  it("says what it lacks", () => {
    const problems = Array.from({ length: 30 }, (_none, index) => `problem ${index}`);
    const lacking = cyclonedx(subject, { ...content, problems });
    expect(problemsOf(lacking)).to.have.length(21).and.include("and 10 more");
    expect(lacking).to.have.nested.property("compositions[0].aggregate", "incomplete");
    expect(problemsOf(document)).to.deep.equal([]);
  });
});
