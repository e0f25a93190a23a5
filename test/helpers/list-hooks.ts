// Lists a repository's hooks as a process of its own: `list-hooks.ts <api url> <token file>`.

import { exampleRepository } from "./example-repository.ts";
import { forgetfulGithub } from "./forgetful-github.ts";

const [, , apiUrl = "", tokenFile = ""] = process.argv;
const github = forgetfulGithub();
const access = { kind: "token", tokenFile, username: "x-access-token" } as const;
const forge = github.api.of(exampleRepository({ access, forge: { name: "github", apiUrl, tokenFile: null } }));
const hooks = await forge?.hooks.list(AbortSignal.timeout(10_000)).catch((error: Error) => error.message);
process.stdout.write(JSON.stringify(hooks));
await github.close();
