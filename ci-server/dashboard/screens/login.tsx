// Login: a token becomes a session of this browser.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Logo } from "../parts/logo.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { signIn } from "../session.ts";

export function LoginScreen() {
  const problem = useSignal<Error | null>(null);
  const isAsking = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · Mergedock";
    field.current?.focus();
  }, []);
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    isAsking.value = true;
    problem.value = null;
    try {
      await signIn(field.current?.value.trim() ?? "");
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
      field.current?.select();
    } finally {
      isAsking.value = false;
    }
  };
  return (
    <main class="login">
      <form class="login-form" onSubmit={onSubmit}>
        <h1>
          <Logo />
          mergedock
        </h1>
        <label for="token">Token</label>
        <input
          ref={field}
          id="token"
          name="token"
          type="password"
          autoComplete="current-password"
          spellcheck={false}
          required
        />
        <button type="submit" class="button main" disabled={isAsking.value}>
          {isAsking.value ? "Signing in…" : "Sign in"}
        </button>
        <ProblemNote error={problem.value} what="You are not signed in:" />
        <p class="quiet">
          The first token lies on the server, in the state folder: <code>secrets/admin-token</code>. With it, further
          tokens are made by <code>mergedock token</code>, or here under Access.
        </p>
      </form>
    </main>
  );
}
