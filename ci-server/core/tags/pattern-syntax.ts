// Reads a regular expression into a tree: the part of JavaScript's syntax that can be searched for in linear time.
// Source: ECMA-262, "Patterns"; without looking around and back.

import { AppError } from "../errors.ts";

export type Assertion = "start" | "end" | "boundary" | "notBoundary";

export type Node =
  | { readonly kind: "char"; readonly fits: (char: string) => boolean }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "all"; readonly nodes: readonly Node[] }
  | { readonly kind: "any"; readonly nodes: readonly Node[] }
  /** `index`: of the capturing group. */
  | { readonly kind: "group"; readonly index: number; readonly node: Node }
  /** `groups`: those in it, the first and the one after the last. */
  | {
      readonly kind: "repeat";
      readonly node: Node;
      readonly min: number;
      readonly max: number;
      readonly isLazy: boolean;
      readonly groups: readonly [number, number];
    };

export interface Syntax {
  readonly node: Node;
  /** Capturing groups, the whole match not among them. */
  readonly groups: number;
}

const classes: Readonly<Record<string, RegExp>> = {
  ...{ d: /^\d$/, D: /^\D$/, w: /^\w$/, W: /^\W$/, s: /^\s$/, S: /^\S$/ },
};
const controls: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v", 0: "\0" };
const digitsMax = 3;
/** Each of them is copied wherever the search goes two ways. */
export const groupsMax = 20;

/** Throws `invalid`, with what is wrong. */
export function readSyntax(source: string, ignoreCase: boolean): Syntax {
  return new Reader(source, ignoreCase).read();
}

class Reader {
  readonly #source: string;
  readonly #ignoreCase: boolean;
  #at = 0;
  #groups = 0;

  constructor(source: string, ignoreCase: boolean) {
    this.#source = source;
    this.#ignoreCase = ignoreCase;
  }

  read(): Syntax {
    const node = this.#alternatives();
    if (this.#at < this.#source.length) throw mistake("has a ) without its (");
    return { node, groups: this.#groups };
  }

  #alternatives(): Node {
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: "any", nodes }; // there is a first one
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at] ?? "")) nodes.push(this.#repeated());
    return { kind: "all", nodes };
  }

  #repeated(): Node {
    const first = this.#groups + 1;
    const node = this.#atom();
    const times = this.#times();
    if (times === null) return node;
    if (node.kind === "assert") throw mistake("repeats ^, $, \\b or \\B, which are no signs");
    const [min, max] = times;
    if (max < min) throw mistake(`repeats at least ${min} and at most ${max} times`);
    return { kind: "repeat", node, min, max, isLazy: this.#take("?"), groups: [first, this.#groups + 1] };
  }

  /** A brace that does not begin a number of times stands for itself. */
  #times(): readonly [number, number] | null {
    if (this.#take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#take("?")) return [0, 1];
    const found = this.#match(/\{(\d+)(,(\d*))?\}/y);
    if (found === null) return null;
    const [, min = "", comma, max = ""] = found;
    if (min.length > digitsMax || max.length > digitsMax) throw mistake("repeats a thousand times or more");
    if (comma === undefined) return [Number(min), Number(min)];
    return [Number(min), max === "" ? Number.POSITIVE_INFINITY : Number(max)];
  }

  #atom(): Node {
    const char = this.#source[this.#at++] ?? "";
    if (char === "^") return { kind: "assert", what: "start" };
    if (char === "$") return { kind: "assert", what: "end" };
    if (char === "(") return this.#group();
    if (char === "[") return this.#set();
    if (char === "\\") return this.#escape();
    if (char === ".") return { kind: "char", fits: (one) => !/[\n\r\u2028\u2029]/.test(one) };
    if (/[*+?]/.test(char)) throw mistake(`has a ${char} with nothing before it that could be repeated`);
    return this.#char(char);
  }

  #group(): Node {
    const isCapturing = !this.#take("?:");
    const isNamed = isCapturing && this.#match(/\?<[A-Za-z_$][\w$]*>/y) !== null;
    if (isCapturing && !isNamed && this.#source.startsWith("?", this.#at))
      throw mistake("looks ahead or behind with (?, which is not supported");
    const index = isCapturing ? ++this.#groups : 0;
    if (index > groupsMax) throw mistake(`has more than ${groupsMax} groups`);
    const node = this.#alternatives();
    if (!this.#take(")")) throw mistake("has a ( without its )");
    return isCapturing ? { kind: "group", index, node } : node;
  }

  #escape(): Node {
    const boundary = this.#match(/[bB]/y)?.[0];
    if (boundary !== undefined) return { kind: "assert", what: boundary === "b" ? "boundary" : "notBoundary" };
    const read = this.#escaped();
    return typeof read === "string" ? this.#char(read) : { kind: "char", fits: (char) => read.test(char) };
  }

  /** After a backslash: one sign, or a class of them. */
  #escaped(): string | RegExp {
    const code = this.#match(/x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})/y);
    if (code !== null) return String.fromCharCode(Number.parseInt(code[1] ?? code[2] ?? "", 16));
    const char = this.#source[this.#at++];
    if (char === undefined) throw mistake("ends with a backslash");
    if (char === "0" && /\d/.test(this.#source[this.#at] ?? "")) throw mistake("has \\0 before a digit");
    if (Object.hasOwn(classes, char)) return classes[char] as RegExp; // it was just found there
    if (Object.hasOwn(controls, char)) return controls[char] ?? "";
    if (/[1-9]/.test(char)) throw mistake(`refers back to a group with \\${char}, which is not supported`);
    if (/[A-Za-z]/.test(char)) throw mistake(`has \\${char}, which is not known`);
    return char;
  }

  #set(): Node {
    const isNegated = this.#take("^");
    const tests: ((char: string) => boolean)[] = [];
    while (!this.#take("]")) {
      const from = this.#member();
      const to = this.#source.startsWith("-", this.#at) && this.#source[this.#at + 1] !== "]" ? this.#rangeEnd() : null;
      tests.push(...this.#tests(from, to));
    }
    const some = (char: string) => tests.some((test) => test(char));
    return { kind: "char", fits: isNegated ? (char) => !some(char) : some };
  }

  #rangeEnd(): string | RegExp {
    this.#at += 1;
    return this.#member();
  }

  #member(): string | RegExp {
    if (this.#at >= this.#source.length) throw mistake("has a [ without its ]");
    if (!this.#take("\\")) return this.#source[this.#at++] ?? "";
    return this.#take("b") ? "\b" : this.#escaped();
  }

  /** A minus beside a class stands for itself. */
  #tests(from: string | RegExp, to: string | RegExp | null): ((char: string) => boolean)[] {
    if (to === null) return [this.#single(from)];
    if (typeof from !== "string" || typeof to !== "string")
      return [this.#single(from), this.#single("-"), this.#single(to)];
    if (from > to) throw mistake(`has the range ${from}-${to}, which goes backwards`);
    const within = (char: string) => char >= from && char <= to;
    return [this.#ignoreCase ? (char) => within(char.toLowerCase()) || within(char.toUpperCase()) : within];
  }

  #single(member: string | RegExp): (char: string) => boolean {
    if (typeof member !== "string") return (char) => member.test(char);
    if (!this.#ignoreCase) return (char) => char === member;
    const lower = member.toLowerCase();
    return (char) => char.toLowerCase() === lower;
  }

  #char(char: string): Node {
    return { kind: "char", fits: this.#single(char) };
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** `pattern` is sticky. */
  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    this.#at += found?.[0].length ?? 0;
    return found;
  }
}

function mistake(what: string): AppError {
  return new AppError("invalid", `the regular expression ${what}`);
}
