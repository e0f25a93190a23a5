// What a commit holds for a recipe, before anything of it is sent to an engine.

import type { Dockerfile } from "../dockerfile.ts";
import type { Recipe } from "../recipe.ts";
import type { Checkout } from "./git.ts";

export interface ContextRequest {
  readonly checkout: Pick<Checkout, "sha" | "folder">;
  readonly recipe: Pick<Recipe, "context" | "dockerfile">;
  readonly signal: AbortSignal;
}

export interface Context {
  readonly dockerfile: Dockerfile;
  /**
   * Of mode, path and object of each file that would be sent, as git names them, and of the attributes that say how git
   * writes them: the same digest is the same files.
   */
  readonly digest: string;
  readonly files: number;
}

export interface Contexts {
  /** Throws `invalid` when context, Dockerfile or .dockerignore cannot be used. Touches nothing; may run several times at once. */
  read(request: ContextRequest): Promise<Context>;
}
