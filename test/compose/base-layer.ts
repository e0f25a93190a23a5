// The layer below all stand-ins: Debian, made from this machine's own package sources.

import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Layer, run, runQuietly } from "./layer.ts";

/** Debian with what the ci-server's Dockerfile installs, so that its apt-get has nothing left to do, and busybox' wget. */
export const baseLayer: Layer = {
  name: "base",
  inputs: async () => [await readFile(import.meta.filename, "utf8"), await codename()],
  async make({ file }) {
    const sources = join(dirname(file), "sources.list");
    await writeFile(sources, await debianSources());
    const hook = [
      'chroot "$1" groupadd --gid 999 postgres && chroot "$1" useradd --uid 999 --gid 999 postgres',
      'chroot "$1" groupadd --gid 1000 node && chroot "$1" useradd --uid 1000 --gid 1000 --create-home node',
      'ln -s /bin/busybox "$1/usr/local/bin/wget"',
      'rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/info/* "$1"/usr/share/locale/*',
      'rm -f "$1"/etc/apt/sources.list.d/* && : >"$1/etc/apt/sources.list"',
    ];
    // Without the caches that apt would write and mmdebstrap would pack; unsafe-io because a crash only means once more.
    const options = [
      '--aptopt=Dir::Cache::pkgcache ""',
      '--aptopt=Dir::Cache::srcpkgcache ""',
      "--dpkgopt=force-unsafe-io",
    ];
    const packages = "--include=busybox,ca-certificates,git,openssh-client,tini";
    const hooks = hook.map((command) => `--customize-hook=${command}`);
    await runQuietly("mmdebstrap", [
      "--variant=apt",
      "--format=tar",
      packages,
      ...options,
      ...hooks,
      await codename(),
      file,
      sources,
    ]);
  },
};

async function codename(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8");
  const name = /^VERSION_CODENAME="?([a-z]+)/m.exec(release)?.[1];
  if (name === undefined) throw new Error("/etc/os-release names no VERSION_CODENAME: the stand-ins need Debian");
  return name;
}

/** Debian's own archives among the sources of this machine, wherever and in whichever format they are written down. */
async function debianSources(): Promise<string> {
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const { stdout } = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const name = await codename();
  const suites = [name, `${name}-updates`, `${name}-security`];
  const lines = stdout
    .split("\n")
    .filter((line) => suites.includes(line.split(" ")[1] ?? "") && line.endsWith(" main"));
  return lines.map((line) => `deb ${line}\n`).join("");
}
