// The registry's one account: a generated password for the clients and its hash for the registry.

import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { createOnce, readIfThere, replaceFile } from "./files.ts";

// The registry computes the hash on every request. A password of 192 random bits is not found by trying, so a higher
// cost would defend nothing and would slow down every push.
const bcryptCost = 5;

export interface CredentialFiles {
  /** The password, without a line end. */
  readonly passwordFile: string;
  readonly htpasswdFile: string;
}

export interface RegistryAccount {
  readonly folder: string;
  readonly username: string;
}

/** Makes what is missing of `registry-password` and `htpasswd` in `folder`, both 0600; a password that is there is kept. */
export async function makeRegistryCredentials(account: RegistryAccount): Promise<CredentialFiles> {
  const { folder, username } = account;
  await mkdir(folder, { recursive: true });
  const files: CredentialFiles = {
    passwordFile: join(folder, "registry-password"),
    htpasswdFile: join(folder, "htpasswd"),
  };
  const password = await createOnce({ file: files.passwordFile, text: randomBytes(24).toString("base64url") });
  if (!(await accepts((await readIfThere(files.htpasswdFile)) ?? "", username, password))) {
    // The registry knows the prefix $2y$; what is behind it is the same as behind bcryptjs' own $2b$.
    const hash = (await bcrypt.hash(password, bcryptCost)).replace(/^\$2[ab]\$/, "$2y$");
    await replaceFile({ file: files.htpasswdFile, text: `${username}:${hash}\n` });
  }
  return files;
}

async function accepts(htpasswd: string, username: string, password: string): Promise<boolean> {
  const line = htpasswd.split("\n").find((candidate) => candidate.startsWith(`${username}:`));
  return line !== undefined && bcrypt.compare(password, line.slice(username.length + 1));
}
