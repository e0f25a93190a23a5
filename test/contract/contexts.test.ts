// What core/ports.ts promises of Contexts, held by every implementation.

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { createContexts } from "../../ci-server/adapters/context-tree.ts";
import type { Context, ContextRequest, Contexts } from "../../ci-server/core/ports.ts";
import { git } from "../../lab/git.ts";
import { fails } from "../helpers/failure.ts";

contextsContract("git", (folder) => createContexts({ gitFolder: folder }));

function contextsContract(name: string, create: (folder: string) => Contexts): void {
  describe(`Contexts by ${name}`, function () {
    this.timeout(10_000);
    let folder: string;
    let contexts: Contexts;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "contexts-"));
      contexts = create(join(folder, "state"));
      await git(["init", "--quiet", "--initial-branch=main", "shop"], { cwd: folder });
    });
    afterEach(() => rm(folder, { recursive: true }));

    const base = {
      Dockerfile: "FROM node:24\n",
      ".dockerignore": "*.md\nskip\n**/.git*\n",
      "a.txt": "a",
      "skip/b": "b",
      "c.md": "c",
      "services/cart/Dockerfile": "FROM scratch\n",
      "services/cart/x": "x",
    };
    type Change = Readonly<Record<string, string | { readonly link: string } | { readonly executable: string } | null>>;

    /** Commits what is there now and these changes, and reads. */
    async function read(change: Change, recipe: Partial<ContextRequest["recipe"]> = {}): Promise<Context> {
      const checkout = join(folder, "shop");
      for (const [file, content] of Object.entries(change)) {
        const whole = join(checkout, file);
        await mkdir(dirname(whole), { recursive: true });
        await rm(whole, { force: true, recursive: true });
        if (content === null) continue;
        if (typeof content === "string") await writeFile(whole, content);
        else if ("link" in content) await symlink(content.link, whole);
        else await writeFile(whole, content.executable, { mode: 0o755 });
      }
      await git(["add", "--all"], { cwd: checkout });
      await git(["commit", "--quiet", "--allow-empty", "-m", "x"], { cwd: checkout });
      const sha = await git(["rev-parse", "HEAD"], { cwd: checkout });
      const { signal } = new AbortController();
      const asked = { context: ".", dockerfile: "Dockerfile", ...recipe };
      return contexts.read({ checkout: { sha, folder: checkout }, recipe: asked, signal });
    }

    it("reads the Dockerfile and counts what is sent", async () => {
      const context = await read(base);
      expect(context.dockerfile.stages.map(({ from }) => from.text)).to.deep.equal(["node:24"]);
      expect(context.digest).to.match(/^sha256:[0-9a-f]{64}$/);
      // Not skip/b and not c.md.
      expect(context.files).to.equal(5);
      const cart = await read({}, { context: "services/cart" });
      expect(cart.files).to.equal(2);
      expect(cart.dockerfile.stages[0]?.from.text).to.equal("scratch");
    });

    const changing: [what: string, change: Change, recipe?: Partial<ContextRequest["recipe"]>][] = [
      ["a file's content", { "a.txt": "b" }],
      ["a file's name", { "a.txt": null, "b.txt": "a" }],
      ["a file more", { d: "" }],
      ["a file less", { "a.txt": null }],
      ["a file that may be run", { "a.txt": { executable: "a" } }],
      ["a link in a file's place", { "a.txt": { link: "a" } }],
      ["the Dockerfile", { Dockerfile: "FROM node:24\n\n" }],
      ["what .dockerignore leaves", { ".dockerignore": "*.md\n" }],
      ["how git writes the files, though that is not sent", { ".gitattributes": "*.txt text eol=crlf\n" }],
      ["how git writes the files above the context", { ".gitattributes": "* text\n" }, { context: "services/cart" }],
      ["a file of the context", { "services/cart/x": "y" }, { context: "services/cart" }],
      ["a folder that is left of ignored files", { "new/.gitkeep": "" }],
      ["a file whose name .dockerignore has in other letters", { "C.MD": "" }],
    ];
    for (const [what, change, recipe] of changing) {
      it(`gives another digest for ${what}`, async () => {
        const before = await read(base, recipe);
        expect((await read(change, recipe)).digest).not.to.equal(before.digest);
      });
    }

    const same: [what: string, change: Change, recipe?: Partial<ContextRequest["recipe"]>][] = [
      ["another commit of the same files", {}],
      ["a file that .dockerignore leaves out", { "c.md": "d", "skip/b": "c", "skip/e": "" }],
      ["a file outside of the context", { "a.txt": "b", "services/pay/x": "x" }, { context: "services/cart" }],
      ["the same context written in another way", {}, { context: "./services/../services/cart/" }],
    ];
    for (const [what, change, recipe] of same) {
      it(`gives the same digest for ${what}`, async () => {
        const before = await read(base, recipe?.context === undefined ? {} : { context: "services/cart" });
        expect((await read(change, recipe)).digest).to.equal(before.digest);
      });
    }

    it("gives the same digest wherever the context stands, and through a link within the commit", async () => {
      const first = await read(base, { context: "services/cart" });
      const moved = { "other/Dockerfile": base["services/cart/Dockerfile"], "other/x": "x", link: { link: "other" } };
      expect((await read(moved, { context: "other" })).digest).to.equal(first.digest);
      expect((await read({}, { context: "link" })).digest).to.equal(first.digest);
    });

    it("gives another digest for another Dockerfile behind a link, though .dockerignore leaves that out", async () => {
      await read({ ...base, Dockerfile: { link: "skip/prod" }, "skip/prod": "FROM node:24\n" });
      const before = await read({});
      expect((await read({ "skip/prod": "FROM node:24\nRUN true\n" })).digest).not.to.equal(before.digest);
    });

    for (const context of ["libs", "libs/deep"])
      it(`gives another digest for another commit of the submodule that has the context ${context}`, async () => {
        const cwd = join(folder, "shop");
        await read(base);
        // As it is laid out in the place of the gitlink.
        await mkdir(join(cwd, context), { recursive: true });
        await writeFile(join(cwd, context, "Dockerfile"), "FROM scratch\n");
        const digest = async (module: string) => {
          await git(["update-index", "--add", "--cacheinfo", `160000,${module},libs`], { cwd });
          await git(["commit", "--quiet", "-m", "x"], { cwd });
          const checkout = { folder: cwd, sha: await git(["rev-parse", "HEAD"], { cwd }) };
          const recipe = { context, dockerfile: "Dockerfile" };
          return (await contexts.read({ checkout, recipe, signal: new AbortController().signal })).digest;
        };
        expect(await digest("a".repeat(40))).not.to.equal(await digest("b".repeat(40)));
      });

    it("gives another digest for another commit of a submodule, though .dockerignore leaves it out", async () => {
      const link = (sha: string) =>
        git(["update-index", "--add", "--cacheinfo", `160000,${sha},skip/module`], { cwd: join(folder, "shop") });
      await read(base);
      await rm(join(folder, "shop/skip/b"));
      await link("a".repeat(40));
      const commit = async () => {
        const cwd = join(folder, "shop");
        await git(["commit", "--quiet", "-m", "x"], { cwd });
        const checkout = { folder: cwd, sha: await git(["rev-parse", "HEAD"], { cwd }) };
        const recipe = { context: ".", dockerfile: "Dockerfile" };
        return (await contexts.read({ checkout, recipe, signal: new AbortController().signal })).digest;
      };
      const before = await commit();
      await link("b".repeat(40));
      expect(await commit()).not.to.equal(before);
    });

    it("follows a Dockerfile that is a link to another file of the context", async () => {
      const files = { Dockerfile: { link: "docker/Dockerfile.prod" }, "docker/Dockerfile.prod": "FROM alpine:3\n" };
      expect((await read({ ...base, ...files })).dockerfile.stages[0]?.from.text).to.equal("alpine:3");
    });

    const unusable: [what: string, change: Change, recipe: Partial<ContextRequest["recipe"]>, words: string][] = [
      [
        "T15: a Dockerfile that is a link to /dev/zero",
        { Dockerfile: { link: "/dev/zero" } },
        {},
        "has to be a regular file",
      ],
      [
        "T15: a Dockerfile that is a link out of the context",
        { "services/cart/Dockerfile": { link: "../../a.txt" } },
        { context: "services/cart" },
        "has to be a regular file",
      ],
      [
        "T15: a .dockerignore that is a link to /dev/zero",
        { ".dockerignore": { link: "/dev/zero" } },
        {},
        ".dockerignore has to be a regular file",
      ],
      [
        "T18: a context that leads out of the commit",
        { out: { link: "/etc" } },
        { context: "out" },
        "leads out of the repository",
      ],
      ["a Dockerfile that is not there", {}, { dockerfile: "Other" }, "there is no Other in . of this commit"],
      ["a Dockerfile that is a folder", {}, { dockerfile: "services" }, "has to be a regular file"],
      ["a Dockerfile that is too large", { Dockerfile: "#".repeat(300_000) }, {}, "at most 262144 bytes"],
      ["a Dockerfile without FROM", { Dockerfile: "RUN x\n" }, {}, "has no FROM"],
    ];
    for (const [what, change, recipe, words] of unusable) {
      it(`refuses ${what}`, async () => {
        const startedMs = performance.now();
        await fails(read({ ...base, ...change }, recipe), "invalid", words);
        expect(performance.now() - startedMs).to.be.lessThan(5_000);
      });
    }
  });
}
