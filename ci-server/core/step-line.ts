// Finds the line of a Dockerfile that a failure is about: BuildKit tells a step's words, and the line of what it cannot read.

interface Instruction {
  /** Counts from 1; of its first line. */
  readonly line: number;
  /** With its continuation lines, and one blank for several. */
  readonly text: string;
  /** Name of its stage; `stage-1` where it has none. */
  readonly stage: string;
  /** Its place among the steps of its stage; null for one that is none. */
  readonly place: number | null;
}

export interface FoundLine {
  readonly line: number;
  readonly text: string;
}

/** `name`: a step as BuildKit names it, such as `[build 2/3] RUN npm ci`. Null when that cannot be told. */
export function lineOfStep(dockerfile: string, name: string): FoundLine | null {
  const match = /^\[(?:.*?(\S+) )?(\d+)\/\d+\] (.*)$/s.exec(name);
  const text = squeezed(match?.[3] ?? name);
  const all = readInstructions(dockerfile);
  const stage = match?.[1]?.toLowerCase();
  const ofStage = stage === undefined ? all : all.filter((one) => one.stage === stage);
  const place = Number(match?.[2]);
  const same = ofStage.filter((one) => one.text === text || isHeredoc(one, text));
  // A step's words have its variables replaced: then only its place tells.
  const [first, second] = same.length > 0 ? same : ofStage.filter((one) => one.place === place);
  if (second === undefined) return first ?? null;
  return same.find((one) => one.place === place) ?? null;
}

/** `message`: what BuildKit says of a Dockerfile that it cannot read, or of an image that it cannot find. */
export function lineOfMessage(dockerfile: string, message: string): FoundLine | null {
  const number = /parse error (?:on )?line (\d+)/.exec(message)?.[1];
  if (number !== undefined) {
    const line = Number(number);
    return { line, text: squeezed(dockerfile.split(/\r?\n/)[line - 1] ?? "") };
  }
  const image = imageIn(message);
  if (image === null) return null;
  const froms = readInstructions(dockerfile).filter((one) => isOfImage(one.text, image));
  return froms.length === 1 ? (froms[0] ?? null) : null;
}

interface ImageName {
  /** Without the host, and without `library/`. */
  readonly path: string;
  readonly tag: string;
}

function imageIn(message: string): ImageName | null {
  const url = /\/v2\/(?:library\/)?(\S+)\/manifests\/([^\s"]+)/.exec(message);
  if (url !== null) return { path: url[1] ?? "", tag: url[2] ?? "" };
  const name = /(?:metadata for|manifest for|config for|access denied for|parse stage name) "?([^\s",]+)/.exec(
    message,
  )?.[1];
  return name === undefined ? null : toImageName(name.replace(/:$/, ""));
}

function toImageName(reference: string): ImageName {
  const [, name = reference, tag] = /^(.*?)(?:[:@]([^/]+))?$/.exec(reference) ?? [];
  const first = name.slice(0, name.indexOf("/"));
  const isHost = /[.:]|^localhost$/.test(first);
  return { path: (isHost ? name.slice(first.length + 1) : name).replace(/^library\//, ""), tag: tag ?? "latest" };
}

function isOfImage(text: string, image: ImageName): boolean {
  const reference = /^(?:FROM (?:--\S+ )*(\S+)|(?:COPY|ADD) .*--from=(\S+))/i.exec(text);
  const { path, tag } = toImageName(reference?.[1] ?? reference?.[2] ?? "");
  return path === image.path && tag === image.tag;
}

/** BuildKit names a step with a document in it by its first line, followed by what it makes of the document. */
function isHeredoc({ text }: Instruction, name: string): boolean {
  return text.includes("<<") && name.startsWith(`${text} `);
}

function readInstructions(dockerfile: string): Instruction[] {
  const lines = dockerfile.split(/\r?\n/);
  const mark = /^#\s*escape\s*=\s*`/im.test(lines[0] ?? "") ? "`" : "\\";
  const found: Instruction[] = [];
  const at: Place = { names: [], stage: "", places: 0 };
  for (let index = 0; index < lines.length; index += 1) {
    if (isBlankOrComment(lines[index] ?? "")) continue;
    const first = index;
    const pieces: string[] = [];
    for (; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      if (index > first && isBlankOrComment(line)) continue;
      const isContinued = line.trimEnd().endsWith(mark);
      pieces.push(isContinued ? line.trimEnd().slice(0, -1) : line);
      if (!isContinued) break;
    }
    const text = squeezed(pieces.join(""));
    found.push({ line: first + 1, text, ...place(at, text) });
    index = endOfHeredocs(lines, index, text);
  }
  return found;
}

function isBlankOrComment(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}

/** The index of the last line of the documents that the instruction opens. */
function endOfHeredocs(lines: readonly string[], index: number, text: string): number {
  if (!/^(?:RUN|COPY|ADD)\b/i.test(text)) return index;
  let at = index;
  for (const [, dash, , word] of text.matchAll(/<<(-?)(["']?)([A-Za-z_]\w*)\2/g)) {
    const isEnd = (line: string) => (dash === "-" ? line.replace(/^\t+/, "") : line) === word;
    const end = lines.findIndex((line, place) => place > at && isEnd(line));
    // Without an end it is none, as in a shift of bits.
    if (end >= 0) at = end;
  }
  return at;
}

/** Where the reading is: the stages so far, and the steps of the last one. */
interface Place {
  readonly names: string[];
  stage: string;
  places: number;
}

function place(at: Place, text: string): Pick<Instruction, "stage" | "place"> {
  const [, image, name] = /^FROM (?:--\S+ )*(\S+)(?: AS (\S+))?/i.exec(text) ?? [];
  if (image !== undefined) {
    // A stage that goes on from nothing, or from another one, has no step that fetches an image.
    const isFetched = image !== "scratch" && !at.names.includes(image.toLowerCase());
    at.stage = name?.toLowerCase() ?? `stage-${at.names.length}`;
    at.names.push(at.stage);
    at.places = isFetched ? 1 : 0;
    return { stage: at.stage, place: isFetched ? 1 : null };
  }
  if (!/^(?:RUN|COPY|ADD|WORKDIR)\b/i.test(text)) return { stage: at.stage, place: null };
  at.places += 1;
  return { stage: at.stage, place: at.places };
}

function squeezed(text: string): string {
  const words = text.replace(/\s+/g, " ").trim();
  return words.replace(/^[a-z]+/i, (instruction) => instruction.toUpperCase());
}
