// Signs as a GitHub App. Source: GitHub documentation, "Generating a JSON Web Token (JWT) for a GitHub App".

import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createAppAuth } from "@octokit/auth-app";
import { unreadable } from "../../adapters/token-file.ts";
import type { GithubAppAccess } from "../../core/access.ts";
import { AppError } from "../../core/errors.ts";

const setting = "access.github_app.private_key_file";
/** The library signs as of 30 s ago and for ten minutes, which is all that GitHub takes: clocks may be a minute apart either way. */
const earlierSeconds = 30;

/** The key is read each time. `at`: what GitHub's clock shows. Throws `unauthorized`. */
export async function signAsApp({ appId, privateKeyFile }: GithubAppAccess, at: Date): Promise<string> {
  const privateKey = await readKey(privateKeyFile);
  const timeDifference = Math.round((at.getTime() - Date.now()) / 1000) - earlierSeconds;
  const auth = createAppAuth({ appId, privateKey, timeDifference, log: { warn: () => undefined } });
  return (await auth({ type: "app" })).token;
}

async function readKey(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(unreadable(setting, file));
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === "rsa") return key.export({ type: "pkcs8", format: "pem" }).toString();
  } catch (_unreadable) {
    // What could not be read may be a part of the key: it is not shown.
  }
  throw new AppError("unauthorized", `${setting}: ${file} is not an RSA key in PEM, as GitHub gives it for the app`);
}
