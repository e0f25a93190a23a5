// The tree of commands: its help, its manual, its completions, and that it is there quickly.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "@babel/parser";
import { expect } from "chai";
import type { Command } from "../../ci-server/cli/command.ts";
import { completionOf } from "../../ci-server/cli/completion.ts";
import { readQuestion } from "../../ci-server/cli/find-activity.ts";
import { createProgram } from "../../ci-server/cli/program.ts";
import { allCommands, describeProgram } from "../../ci-server/cli/program-tree.ts";
import { shells } from "../../ci-server/cli/shells.ts";
import { cliDocs } from "../../ci-server/cli-docs.ts";
import { commands } from "../../ci-server/commands.ts";
import { loadConfig } from "../../ci-server/config.ts";
import { holesOf } from "../../ci-server/core/known-holes.ts";
import { root } from "../helpers/folders.ts";

const program = createProgram({ commands, version: "1.2.3", columns: 120, perform: async () => {} });
const tree = describeProgram(program);
const all: readonly Command[] = commands.flatMap((one) => ("commands" in one ? one.commands : [one]));

describe("the commands", function () {
  // Every one of them is loaded.
  this.timeout(20_000);
  it("are those that the product promises", () => {
    const names = allCommands(tree)
      .filter((one) => one.commands.length === 0)
      .map((one) => one.fullName.slice("mergedock ".length));
    expect(names).to.have.members([
      ...[
        "serve",
        "build",
        "builds",
        "logs",
        "cancel",
        "rebuild",
        "images",
        "deliveries",
        "explain",
        "replay",
        "reconcile",
        "verify",
      ],
      ...["prune", "config check", "token create", "token list", "token revoke", "doctor", "demo", "completion"],
      ...["webhook add", "webhook list", "webhook check", "webhook rotate-secret"],
    ]);
  });

  it("each have a file that is there, an example, and JSON where they print data", async () => {
    for (const command of all) {
      expect((await command.load()).run, command.usage).to.be.a("function");
      expect(command.examples, command.usage).to.not.be.empty;
      const isPlain = /^(?:serve|completion)\b/.test(command.usage);
      expect(command.options?.some(({ flags }) => flags === "--json") ?? false, command.usage).to.equal(!isPlain);
    }
  });

  it("have help that begins with examples", async () => {
    for (const args of [["--help"], ["build", "--help"], ["token", "--help"]]) {
      const { stdout } = spawnSync(process.execPath, [path.join(root, "ci-server/main.ts"), ...args], {
        encoding: "utf8",
      });
      expect(stdout, args.join(" ")).to.match(/^Examples:\n {2}mergedock \w+/);
    }
  });

  it("have a manual that is up to date", () => {
    expect(readFileSync(path.join(root, "docs/cli.md"), "utf8"), "npm run cli-docs").to.equal(cliDocs());
  });

  it("load nothing but commander before it is known which one is meant", () => {
    expect([...packagesFrom("ci-server/command-line.ts")]).to.deep.equal(["commander"]);
  });

  it("let a client's variables be there for the server's configuration too", () => {
    const env = { MERGEDOCK_SERVER: "http://ci:8080", MERGEDOCK_TOKEN: "t", MERGEDOCK_TOKEN_FILE: "f" };
    expect(loadConfig({ env, folder: "/nowhere" }).role).to.equal("all");
    expect(() => loadConfig({ env: { MERGEDOCK_SERVR: "x" }, folder: "/nowhere" })).to.throw("MERGEDOCK_SERVER");
  });
});

describe("completion", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "completion-"));
    for (const shell of shells) writeFileSync(path.join(folder, shell), completionOf(shell, tree));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What bash offers for the last word. */
  function offered(...words: string[]): string[] {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const script = `source ${folder}/bash; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _mergedock; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8", cwd: folder }).trim().split("\n");
  }

  it("offers commands, their own commands and their options in bash", () => {
    expect(offered("mergedock", "")).to.include.members(["serve", "builds", "doctor", "--help"]);
    expect(offered("mergedock", "bui")).to.deep.equal(["build", "builds"]);
    expect(offered("mergedock", "token", "")).to.include.members(["create", "list", "revoke"]);
    expect(offered("mergedock", "token", "create", "--ro")).to.deep.equal(["--role"]);
    expect(offered("mergedock", "builds", "--"))
      .to.include("--limit")
      .and.not.include("--follow");
    expect(offered("mergedock", "completion", "")).to.include.members(["bash", "zsh", "fish"]);
  });

  it("offers the values of options in bash: words, files, and nothing where anything may stand", () => {
    expect(offered("mergedock", "builds", "--result", "")).to.deep.equal([
      ...["success", "failure", "error", "timeout", "cancellation", "skip"],
    ]);
    expect(offered("mergedock", "logs", "7", "--progress", "=", "ra")).to.deep.equal(["rawjson"]);
    expect(offered("mergedock", "logs", "7", "--progress", "="))
      .to.include("rawjson")
      .and.not.include("--json");
    expect(offered("mergedock", "builds", "--token-file", "fi")).to.deep.equal(["fish"]);
    expect(offered("mergedock", "build", "shop", "1.0.0", "--ref", "")).to.deep.equal([""]);
  });

  for (const [shell, args] of [
    ["bash", ["-n"]],
    ["zsh", ["-n"]],
    ["fish", ["--no-execute"]],
  ] as const)
    it(`is ${shell} that ${shell} can read`, function () {
      const { error, status, stderr } = spawnSync(shell, [...args, path.join(folder, shell)], { encoding: "utf8" });
      if (error !== undefined) this.skip();
      expect([status, stderr]).to.deep.equal([0, ""]);
    });

  it("has every command and option for zsh and fish, each quote closed", () => {
    for (const shell of ["zsh", "fish"] as const) {
      const script = completionOf(shell, tree);
      for (const { options, name } of allCommands(tree).slice(1)) {
        expect(script, shell).to.contain(name);
        for (const { long } of options)
          expect(script, shell).to.contain(shell === "fish" ? `-l ${long.slice(2)}` : long);
      }
      for (const line of script.split("\n").filter((one) => !one.trim().startsWith("#")))
        expect((line.replaceAll("'\\''", "").replaceAll("\\'", "").match(/'/g) ?? []).length % 2, line).to.equal(0);
    }
  });
});

describe("what explain is asked for", () => {
  it("is a delivery, a pull request or a commit", () => {
    const pull = (repository: string | null, number: number) => ({ kind: "pull_request", repository, number });
    expect(readQuestion("42")).to.deep.equal(pull(null, 42));
    expect(readQuestion("#1234567")).to.deep.equal(pull(null, 1234567));
    expect(readQuestion("acme/shop#42")).to.deep.equal(pull("acme/shop", 42));
    expect(readQuestion("1234567")).to.deep.equal({ kind: "commit", sha: "1234567" });
    expect(readQuestion("ABCDEF0")).to.deep.equal({ kind: "commit", sha: "abcdef0" });
    const guid = "8666f9da-d450-41a7-a454-4fa8678fcbb6";
    expect(readQuestion(guid)).to.deep.equal({ kind: "guid", guid });
    for (const text of ["", "abc", "a/b/c#1", "#", "../x", "a b c d e f g h"])
      expect(() => readQuestion(text), text).to.throw("is none of");
  });
});

describe("known holes", () => {
  it("are said of the versions that have them, and of no other", () => {
    const has = (what: Parameters<typeof holesOf>[0], versions: string[]) =>
      versions.filter((one) => holesOf(what, one).length > 0);
    expect(has("engine", ["20.10.24+dfsg1", "24.0.8", "24.0.9", "25.0.1", "25.0.2", "26.1.0", "28.0.0"])).to.deep.equal(
      [...["20.10.24+dfsg1", "24.0.8", "25.0.1"]],
    );
    expect(has("runc", ["1.1.5+ds1", "1.2.7", "1.2.8", "1.3.2", "1.3.3", "1.4.0"])).to.deep.equal([
      "1.1.5+ds1",
      "1.2.7",
      "1.3.2",
    ]);
    expect(has("registry", ["2.8.2", "3.1.0", "v3.1.1", "3.2.0"])).to.deep.equal(["2.8.2", "3.1.0"]);
    expect(holesOf("engine", "unknown")).to.deep.equal([]);
    expect(holesOf("engine", "20.10.24")[0]?.fix).to.contain("24.0.9 or 25.0.2");
  });
});

/** Those that are imported before anything is done: of imports that wait nothing is known here. */
function packagesFrom(file: string, seen = new Set<string>(), packages = new Set<string>()): Set<string> {
  if (seen.has(file)) return packages;
  seen.add(file);
  const source = readFileSync(path.join(root, file), "utf8");
  for (const node of parse(source, { sourceType: "module", plugins: ["typescript"] }).program.body) {
    const isValue =
      /^(?:Import|Export\w*)Declaration$/.test(node.type) && !("importKind" in node && node.importKind === "type");
    const to = isValue && "source" in node ? node.source?.value : undefined;
    if (typeof to !== "string" || to.startsWith("node:")) continue;
    if (to.startsWith(".")) packagesFrom(path.posix.join(path.posix.dirname(file), to), seen, packages);
    else packages.add(to);
  }
  return packages;
}
