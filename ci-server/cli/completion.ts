// Completion scripts, made of the tree of commands.

import { bashCompletion } from "./completion-bash.ts";
import { fishCompletion } from "./completion-fish.ts";
import { zshCompletion } from "./completion-zsh.ts";
import type { ProgramTree } from "./program-tree.ts";
import type { Shell } from "./shells.ts";

const scripts: Readonly<Record<Shell, (tree: ProgramTree) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function completionOf(shell: Shell, tree: ProgramTree): string {
  return scripts[shell](tree);
}
