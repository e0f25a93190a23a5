// Files that have their owner-only mode from the moment they exist, and that no reader ever sees half written.

import { randomBytes } from "node:crypto";
import { link, open, readFile, rename, rm } from "node:fs/promises";

export interface NewFile {
  readonly file: string;
  readonly text: string;
  /** 0600 unless it is said to be public. */
  readonly mode?: number;
  /** User and group; whoever makes the file unless it is said. */
  readonly owner?: number;
}

/** The text of the file, or undefined when there is none; any other trouble is thrown. */
export async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Makes the file unless it is there, and returns what is then in it: of several makers at once the first wins. */
export async function createOnce(wanted: NewFile): Promise<string> {
  await writeThen(wanted, (draft) =>
    // Unlike rename, link refuses to replace: that is what makes the first maker win.
    link(draft, wanted.file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    }),
  );
  return readFile(wanted.file, "utf8");
}

/** Puts the text in the place of the file in one step: a reader finds the old text or the new one. */
export async function replaceFile(wanted: NewFile): Promise<void> {
  await writeThen(wanted, (draft) => rename(draft, wanted.file));
}

async function writeThen({ file, text, mode = 0o600, owner }: NewFile, place: (draft: string) => Promise<void>) {
  const draft = `${file}.${randomBytes(6).toString("hex")}.new`;
  try {
    const handle = await open(draft, "wx", mode);
    try {
      if (owner !== undefined) await handle.chown(owner, owner);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await place(draft);
  } finally {
    await rm(draft, { force: true });
  }
}
