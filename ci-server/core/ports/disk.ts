// How much room there is where builds write.

/** A folder that builds fill, and what is free on its file system for who runs this process. */
export interface FreeSpace {
  readonly folder: string;
  readonly bytes: number;
}

/** The file systems that builds write to. */
export interface Disk {
  /**
   * The state folder (mirrors, worktrees, the embedded database), and the engine's own where the engine is on this machine.
   * An engine that does not answer is left out.
   */
  free(signal: AbortSignal): Promise<readonly FreeSpace[]>;
}
