// Holds who may import whom, for every file of the program, and that no imports go round in a circle.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type ParserPlugin, parse } from "@babel/parser";
import { expect } from "chai";

const root = path.join(import.meta.dirname, "../..");
const packages = ["node:", "npm"];

/** What a room may import: other rooms, node's own modules, npm packages (all, or those named). */
const rooms: Readonly<Record<string, readonly string[]>> = {
  "ci-server/core": ["ci-server/core", "npm:zod"],
  "ci-server/flows": ["ci-server/core", "ci-server/flows"],
  "ci-server/http": [
    "ci-server/core",
    "ci-server/flows",
    "ci-server/http",
    "node:",
    "npm:koa",
    "npm:@koa/router",
    "npm:raw-body",
    "npm:zod",
    "npm:pino",
    "npm:koa-helmet",
    "npm:rate-limiter-flexible",
    "npm:zod-openapi",
  ],
  "ci-server/forges": ["ci-server/core", "ci-server/adapters", ...packages],
  ...ofForges((folder) => ["ci-server/core", "ci-server/adapters", folder, ...packages]),
  "ci-server/builders": ["ci-server/core", "ci-server/adapters", ...packages],
  "ci-server/adapters": ["ci-server/core", "ci-server/adapters", ...packages],
  "ci-server/cli": ["ci-server/core", "ci-server/cli", "ci-server/cli/progress", "node:", "npm:zod", "npm:commander"],
  "ci-server/cli/progress": ["ci-server/core", "ci-server/cli", "ci-server/cli/progress"],
  "ci-server/dashboard": ["ci-server/core", "ci-server/dashboard", "npm:preact", "npm:@preact/signals", "npm:vite"],
  "ci-server": [
    "ci-server",
    "ci-server/cli",
    "ci-server/core",
    "ci-server/adapters",
    "ci-server/flows",
    "ci-server/http",
    "ci-server/forges",
    ...Object.keys(ofForges(() => [])),
    "ci-server/builders",
    "certs",
    ...packages,
  ],
  certs: ["certs", ...packages],
  lab: ["lab", ...packages],
  demo: ["demo", "lab", "certs", ...packages],
};
/** Forges and builders do not know one another: each file stands alone. */
const solitary = ["ci-server/forges", "ci-server/builders"];

interface Import {
  readonly from: string;
  readonly to: string;
}

describe("the layers", () => {
  const files = Object.keys(rooms).flatMap((room) => filesOf(room));
  const imports = files.flatMap((file) => importsOf(file, readFileSync(path.join(root, file), "utf8")));

  it("hold every file of the program", () => {
    expect(files).to.include.members([
      "ci-server/app.ts",
      "ci-server/core/decide.ts",
      "ci-server/dashboard/app.tsx",
      "certs/make-certs.ts",
      "demo/main.ts",
    ]);
    const unknown = filesOf("ci-server", true).filter((file) => !files.includes(file));
    expect(unknown).to.deep.equal([]);
  });

  it("import only what their room may", () => {
    expect(imports.filter((one) => !isAllowed(one)).map(({ from, to }) => `${from} -> ${to}`)).to.deep.equal([]);
  });

  it("take from core nothing but types, for what runs in the browser", () => {
    const all = filesOf("ci-server/dashboard").flatMap((file) => {
      const source = readFileSync(path.join(root, file), "utf8");
      return [...source.matchAll(/^import (?!type ).*"(\.\.\/)+core\/.*$/gm)].map(([line]) => `${file}: ${line}`);
    });
    expect(all).to.deep.equal([]);
  });

  it("do not go round in a circle", () => {
    expect(findCircle(imports)).to.equal(null);
  });

  it("leave process.env to config.ts and to main.ts, which hands it over", () => {
    const readers = filesOf("ci-server", true).filter((file) =>
      readFileSync(path.join(root, file), "utf8").includes("process.env"),
    );
    expect(readers.sort()).to.deep.equal(["ci-server/config.ts", "ci-server/main.ts"]);
  });
});

describe("the layers' own check", () => {
  const sees = (source: string) => importsOf("ci-server/core/x.ts", source).map(({ to }) => to);

  it("sees imports of every kind", () => {
    expect(sees('import { a } from "pg";')).to.deep.equal(["npm:pg"]);
    expect(sees('import type { A } from "../http/a.ts";')).to.deep.equal(["ci-server/http/a.ts"]);
    expect(sees('import "../adapters/a.ts";')).to.deep.equal(["ci-server/adapters/a.ts"]);
    expect(sees('export * from "@koa/router/x.js";')).to.deep.equal(["npm:@koa/router"]);
    expect(sees('const a = await import("node:fs");')).to.deep.equal(["node:fs"]);
    expect(sees("const a = await import(name);")).to.deep.equal(["unknown:name"]);
    expect(sees('type A = import("../flows/a.ts").A;')).to.deep.equal(["ci-server/flows/a.ts"]);
  });

  it("refuses the arrows that the house forbids", () => {
    const forbidden = [
      { from: "ci-server/core/a.ts", to: "node:fs" },
      { from: "ci-server/core/a.ts", to: "ci-server/flows/b.ts" },
      { from: "ci-server/flows/a.ts", to: "ci-server/adapters/b.ts" },
      { from: "ci-server/http/a.ts", to: "npm:dockerode" },
      { from: "ci-server/forges/a.ts", to: "ci-server/forges/b.ts" },
      { from: "ci-server/forges/gitea/a.ts", to: "ci-server/forges/github/b.ts" },
      { from: "ci-server/builders/a.ts", to: "ci-server/forges/b.ts" },
      { from: "ci-server/adapters/a.ts", to: "ci-server/flows/b.ts" },
      { from: "demo/a.ts", to: "ci-server/app.ts" },
    ];
    expect(forbidden.filter(isAllowed)).to.deep.equal([]);
  });

  it("finds a circle", () => {
    const circle = [
      { from: "a", to: "b" },
      { from: "b", to: "c" },
      { from: "c", to: "a" },
    ];
    expect(findCircle(circle)).to.deep.equal(["a", "b", "c", "a"]);
    expect(findCircle(circle.slice(1))).to.equal(null);
  });
});

/** A forge may have a folder, which is a room of its own. */
function ofForges(mayImport: (folder: string) => readonly string[]): Record<string, readonly string[]> {
  const entries = readdirSync(path.join(root, "ci-server/forges"), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `ci-server/forges/${name}`);
  return Object.fromEntries(folders.map((folder) => [folder, mayImport(folder)]));
}

/** Files of the room itself, or of everything below it. */
function filesOf(room: string, deep = false): string[] {
  const isRoomOfItsOwn = room === "ci-server" && !deep;
  const entries = readdirSync(path.join(root, room), { recursive: !isRoomOfItsOwn, encoding: "utf8" });
  return entries.filter((name) => /\.tsx?$/.test(name)).map((name) => path.posix.join(room, name));
}

function importsOf(from: string, source: string): Import[] {
  // As JSX, `<T>(…) =>` would be an element.
  const plugins: ParserPlugin[] = from.endsWith("x") ? ["typescript", "jsx"] : ["typescript"];
  const { program } = parse(source, { sourceType: "module", plugins, createImportExpressions: true });
  return [...new Set(specifiersIn(program, source))].map((specifier) => ({ from, to: resolve(from, specifier) }));
}

interface Node {
  readonly type?: string;
  readonly source?: {
    readonly type: string;
    readonly value?: string;
    readonly start: number;
    readonly end: number;
  } | null;
  readonly argument?: { readonly value?: string };
}

/** `import`, `export … from`, `import()` and `import("x").T` in the place of a type, wherever they stand. */
function specifiersIn(value: unknown, text: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  const node = value as Node; // every part of the tree has optional fields only
  const below = Object.values(node).flatMap((part) => specifiersIn(part, text));
  if (node.type === "TSImportType") return [...below, node.source?.value ?? node.argument?.value ?? ""];
  if (!/^(Import|Export)/.test(node.type ?? "") || !node.source) return below;
  const { source } = node;
  return [
    ...below,
    source.type === "StringLiteral" ? (source.value ?? "") : `unknown:${text.slice(source.start, source.end)}`,
  ];
}

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith(".")) return path.posix.join(path.posix.dirname(from), specifier);
  if (specifier.startsWith("node:") || specifier.startsWith("unknown:")) return specifier;
  return `npm:${specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")}`;
}

function roomOf(file: string): string {
  const known = Object.keys(rooms).filter((room) => file.startsWith(`${room}/`));
  return known.sort((a, b) => b.length - a.length)[0] ?? "unknown";
}

function isAllowed({ from, to }: Import): boolean {
  const room = roomOf(from);
  const allowed = rooms[room] ?? [];
  if (to.startsWith("node:")) return allowed.includes("node:");
  if (to.startsWith("npm:")) return allowed.includes("npm") || allowed.includes(to);
  return allowed.includes(roomOf(to)) && !(solitary.includes(room) && roomOf(to) === room);
}

function findCircle(imports: readonly Import[]): string[] | null {
  const done = new Set<string>();
  function visit(file: string, way: readonly string[]): string[] | null {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const { to } of imports.filter(({ from }) => from === file)) {
      const circle = visit(to, [...way, file]);
      if (circle !== null) return circle;
    }
    done.add(file);
    return null;
  }
  for (const { from } of imports) {
    const circle = visit(from, []);
    if (circle !== null) return circle;
  }
  return null;
}
