// What a Dockerfile says of where its images and files come from; everything else in it is left out.

/** A word or a line as the file has it, and the line that its instruction begins on, from 1. */
export interface Written {
  readonly text: string;
  readonly line: number;
}

/** `value` is not expanded; null where the file gives none. */
export interface Assignment {
  readonly name: string;
  readonly value: string | null;
}

/** `image`: COPY --from or RUN --mount=from; `trigger`: the same after ONBUILD. `add`: the sources of an ADD. Words are not expanded. */
export type DockerfileStep =
  | ({ readonly kind: "arg" | "env"; readonly line: number } & Assignment)
  | { readonly kind: "image" | "trigger"; readonly instruction: string; readonly text: string; readonly line: number }
  | { readonly kind: "add"; readonly sources: readonly string[]; readonly line: number };

export interface DockerfileStage {
  /** Lower case; null where it has none. */
  readonly name: string | null;
  readonly from: Written;
  readonly steps: readonly DockerfileStep[];
}

export interface Dockerfile {
  readonly escapeChar: string;
  /** The image that reads the rest of the file: `# syntax=docker/dockerfile:1`. */
  readonly frontend: Written | null;
  /** ARGs before the first FROM. */
  readonly args: readonly Assignment[];
  readonly stages: readonly DockerfileStage[];
  /** Lines of here-documents and the like that begin as FROM, ADD, COPY or RUN: an older builder takes them for that. */
  readonly lookalikes: readonly Written[];
}
