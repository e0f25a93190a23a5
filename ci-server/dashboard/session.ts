// Who is signed in. The cookie is the server's: no script can read it.

import { signal } from "@preact/signals";
import { get, onSignedOut, Problem, send } from "./api.ts";
import type { SessionView } from "./views.ts";

/** `unknown` until the server was asked. */
export const session = signal<SessionView | null | "unknown">("unknown");
export const sessionProblem = signal<Error | null>(null);

const retryMs = 2_000;

export async function startSession(): Promise<void> {
  onSignedOut(() => {
    session.value = null;
  });
  try {
    session.value = await get<SessionView>("/session");
    sessionProblem.value = null;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.status === 401) session.value = null;
    else {
      sessionProblem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
      setTimeout(() => void startSession(), retryMs);
    }
  }
}

export async function signIn(token: string): Promise<void> {
  session.value = await send<SessionView>("POST", "/session", { token });
}

/** Why nobody was signed out; null when it went well, and from the next try on. */
export const signOutProblem = signal<Error | null>(null);

export async function signOut(): Promise<void> {
  signOutProblem.value = null;
  try {
    await send("DELETE", "/session");
  } catch (thrown) {
    // Whoever leaves the machine to others must not believe that it is done.
    if (!(thrown instanceof Problem && thrown.status === 401)) {
      signOutProblem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
      return;
    }
  }
  session.value = null;
}

export function isAdmin(): boolean {
  const { value } = session;
  return value !== null && value !== "unknown" && value.role === "admin";
}
