// What core/ports/forge-api.ts promises, of GitHub, against the fake: with a token, and as an App.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Access } from "../../ci-server/core/access.ts";
import type { ForgeRepository, StatusState } from "../../ci-server/core/ports.ts";
import type { FakeApp } from "../fakes/github/apps.ts";
import { FakeGithub } from "../fakes/github/server.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { forgetfulGithub } from "../helpers/forgetful-github.ts";
import { describeForgeApi } from "./forge-api-suite.ts";
import type { ForgeWorld, Who } from "./forge-api-world.ts";

const name = "acme/shop";
const all = { contents: "read", metadata: "read", statuses: "write", checks: "write", pull_requests: "write" };

/** `login`: as which the fake knows us. `lacks`: what the message says of an access that lacks the right to hooks. */
interface Entered {
  readonly login: string;
  readonly lacks: string;
  access(who: Who): Access;
}

describeForgeApi("GitHub's API, with a token", () => start(withTokens));
describeForgeApi("GitHub's API, as an App", () => start(asApps));

type Enter = (folder: string, github: FakeGithub) => Promise<Entered>;

async function withTokens(folder: string, github: FakeGithub): Promise<Entered> {
  const fine = github.giveToken("admin");
  // As one of the fine-grained kind: it is given permissions, too.
  const lacking = github.giveToken("admin");
  github.state.tokens.set(lacking, {
    login: "admin",
    repositories: [name],
    permissions: all,
    endsMs: Number.POSITIVE_INFINITY,
  });
  const files = { owner: fine, lacking, refused: "ghp_of-nobody-0123456789" };
  for (const [who, token] of Object.entries(files)) await writeFile(join(folder, who), token);
  return {
    login: "admin",
    lacks: "may not do this",
    access: (who) => ({ kind: "token", tokenFile: join(folder, who), username: "x-access-token" }),
  };
}

async function asApps(folder: string, github: FakeGithub): Promise<Entered> {
  const apps = { owner: github.registerApp("4711"), lacking: github.registerApp("4712"), refused: stranger(github) };
  apps.owner.installations.set(7, { repositories: [name], permissions: { ...all, repository_hooks: "write" } });
  apps.lacking.installations.set(8, { repositories: [name], permissions: all });
  for (const [who, { privateKey }] of Object.entries(apps)) await writeFile(join(folder, `${who}.pem`), privateKey);
  const app = (who: Who) => ({ appId: apps[who].id, privateKeyFile: join(folder, `${who}.pem`) });
  return {
    login: "app-4711[bot]",
    lacks: 'app 4712 lacks the permission "Webhooks: Read-only": tick it',
    access: (who) => ({ kind: "github_app", installationId: null, apiUrl: null, ...app(who) }),
  };
}

/** One that GitHub does not know. */
function stranger(github: FakeGithub): FakeApp {
  const app = github.registerApp("1");
  github.apps.pop();
  return app;
}

async function start(enter: Enter): Promise<ForgeWorld> {
  const folder = await mkdtemp(join(tmpdir(), "forge-api-"));
  const github = await FakeGithub.start(join(folder, "forge"));
  const repository = await github.addRepository(name, { "a.txt": "a\n" });
  for (const [login, may] of [
    ["admin", "admin"],
    ["octocat", "write"],
    ["stranger", "read"],
  ] as const)
    repository.people.set(login, may);
  const commits = [{ files: { "a.txt": "b\n" }, message: "Change it" }] as const;
  const pull = await github.openPullRequest(name, { branch: "change", commits });
  const sha = await pull.merge("squash");
  const { login, lacks, access } = await enter(folder, github);
  const opened: { close(): Promise<void> }[] = [];
  return {
    open(who = "owner", asked = name): ForgeRepository {
      const made = forgetfulGithub();
      opened.push(made);
      const found = made.api.of(exampleRepository({ name: asked, url: github.cloneUrl(asked), access: access(who) }));
      if (found === null) throw new Error("it has an access");
      return found;
    },
    ...{ lacks, sha, pullRequest: pull.number },
    secrets: () => [...github.state.tokens.keys(), "ghp_of-nobody-0123456789"],
    statuses: () =>
      (repository.statuses.get(sha) ?? []).map(({ context, state, description, target_url: url }) => {
        // The fake takes no other state, and we give a description each time.
        return { context, state: state as StatusState, description: description ?? "", url };
      }),
    comments: () => [...repository.comments.values()].map(({ id, body }) => ({ id: String(id), text: body })),
    addComment(from, text) {
      const id = github.state.nextId();
      const by = from === "ourselves" ? login : from;
      const now = github.state.clock.now();
      const about = { createdAt: now, updatedAt: now, edits: 0 };
      repository.comments.set(id, { id, pullRequest: pull.number, login: by, body: text, ...about });
      return String(id);
    },
    removeComment: (id) => void repository.comments.delete(Number(id)),
    checks: () => [...repository.checks.values()].map(({ id, fields }) => toCheck(id, fields)),
    async sendEvent() {
      const more = await github.openPullRequest(name, { branch: `change-${github.state.nextId()}`, commits });
      await more.merge();
    },
    hookSecret: (id) => repository.hooks.get(Number(id))?.config.secret ?? null,
    answerNext({ status, headers = {} }) {
      github.state.faults.next = { status, headers, times: 1 };
    },
    // An App's tokens are another matter than what it asks with them.
    asked: () => github.state.asked.filter((one) => !/installation/.test(one)).length,
    async stop() {
      await Promise.all(opened.map((one) => one.close()));
      await github.stop();
      await rm(folder, { recursive: true });
    },
  };
}

function toCheck(id: number, fields: Record<string, unknown>): ReturnType<ForgeWorld["checks"]>[number] {
  const {
    name: called,
    conclusion = null,
    output,
  } = fields as {
    name: string;
    conclusion?: string;
    output: { annotations: { path: string; start_line: number }[] };
  }; // what the fake has taken
  const annotations = output.annotations.map(({ path, start_line: line }) => ({ path, line }));
  return { id: String(id), name: called, conclusion, annotations };
}
