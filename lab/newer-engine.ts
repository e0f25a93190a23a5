// A newer Docker engine than this machine's packages give: those of a later Debian release, unpacked beside them and not installed.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const outputBytesMax = 16 * 1024 * 1024;
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** runc is this machine's own: the later release's needs a later C library. */
const packages = ["docker.io", "containerd"];

export interface NewerEngineOptions {
  /** Keeps what was unpacked for the next time; removed by hand to get a newer one. */
  readonly folder: string;
  /** The release whose packages are taken; its engine has to run on this machine's C library. */
  readonly suite: string;
}

/** Needs the network and root, on a Debian with its archive's keyring; throws what is missing elsewhere. Does nothing when it is there. */
export async function fetchNewerEngine(options: NewerEngineOptions): Promise<void> {
  const folder = join(options.folder, options.suite);
  if (existsSync(folder)) return;
  process.stderr.write(`packages: unpacking the engine of ${options.suite} for the tests\n`);
  const work = `${folder}.new`;
  await rm(work, { recursive: true, force: true });
  try {
    await download(work, options.suite);
    for (const file of await readdir(join(work, "packages")))
      if (file.endsWith(".deb")) await run("dpkg", ["-x", join(work, "packages", file), join(work, "root")]);
    await rename(join(work, "root"), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The folders of its programs, to stand first on a PATH; null when it was not fetched. */
export function newerEngine({ folder, suite }: NewerEngineOptions): readonly string[] | null {
  const root = join(folder, suite);
  return existsSync(root) ? ["usr/sbin", "usr/bin"].map((name) => join(root, name)) : null;
}

/** By apt itself, which checks the archive's signature; its own lists and archives in `work`, so that the machine's stay as they are. */
async function download(work: string, suite: string): Promise<void> {
  for (const name of ["lists/partial", "cache/archives/partial", "packages"])
    await mkdir(join(work, name), { recursive: true });
  const sources = join(work, "sources.list");
  await writeFile(sources, `deb [signed-by=${keyring}] ${await debianArchive()} ${suite} main\n`);
  await writeFile(join(work, "status"), "");
  const settings = [
    ...[`Dir::State=${work}`, `Dir::State::status=${join(work, "status")}`, `Dir::Cache=${join(work, "cache")}`],
    ...[`Dir::Etc::sourcelist=${sources}`, "Dir::Etc::sourceparts=-"],
    ...["APT::Sandbox::User=root", "Acquire::Languages=none", "Acquire::Retries=3"],
  ];
  const options = {
    cwd: join(work, "packages"),
    env: { ...process.env, LC_ALL: "C.UTF-8" },
    maxBuffer: outputBytesMax,
  };
  for (const command of [["update"], ["download", ...packages]])
    await run("apt-get", ["-q", ...settings.flatMap((setting) => ["-o", setting]), ...command], options);
}

/** Where this machine's own packages come from. */
async function debianArchive(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8");
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? "";
  if (!/^ID=debian$/m.test(release) || !existsSync(keyring)) throw new Error("this is no Debian with its keyring");
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const { stdout } = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const lines = stdout.split("\n").map((line) => line.split(" "));
  const found = lines.find(([, suite, component]) => suite === codename && component === "main")?.[0];
  if (found === undefined) throw new Error(`apt has no source of ${codename} main`);
  return found;
}
