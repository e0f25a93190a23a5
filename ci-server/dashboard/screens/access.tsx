// Access: who may do what by which token, and who has done what.

import { useSignal } from "@preact/signals";
import { send } from "../api.ts";
import { useLoaded } from "../live.ts";
import { Command } from "../parts/copy.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { Time } from "../parts/time.tsx";
import { isAdmin } from "../session.ts";
import type { AuditListView, TokenListView, TokenView } from "../views.ts";

export function AccessScreen() {
  if (isAdmin()) return <Access />;
  return (
    <Page title="Access">
      <p>This page is for admins: the token that you are signed in with may look, but not at tokens and the audit.</p>
    </Page>
  );
}

function Access() {
  const tokens = useLoaded<TokenListView>("/tokens");
  const audit = useLoaded<AuditListView>("/audit?limit=50");
  const problem = useSignal<Error | null>(null);
  const changed = () => Promise.all([tokens.load(), audit.load()]);
  const revoke = async (name: string) => {
    try {
      await send("DELETE", `/tokens/${encodeURIComponent(name)}`);
      await changed();
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  };
  return (
    <Page title="Access">
      <ProblemNote error={tokens.problem.value ?? problem.value} what="That was not done:" />
      <section class="card">
        <h2>Tokens</h2>
        <ul class="tokens">
          {tokens.value.value?.tokens.map((token) => (
            <Token key={`${token.name} ${token.createdAt}`} token={token} revoke={revoke} />
          ))}
        </ul>
        <NewToken whenMade={changed} />
      </section>
      <h2>Who did what</h2>
      <ProblemNote error={audit.problem.value} what="It could not be loaded:" />
      <ul class="audit">
        {audit.value.value?.entries.map((entry) => (
          <li key={entry.id}>
            <Time at={entry.at} /> <strong>{entry.actor}</strong> {entry.action}{" "}
            {entry.target !== null && <code>{entry.target}</code>}
          </li>
        ))}
      </ul>
    </Page>
  );
}

function Token({ token, revoke }: { readonly token: TokenView; readonly revoke: (name: string) => void }) {
  return (
    <li class={token.revokedAt === null ? "" : "is-removed"}>
      <strong>{token.name}</strong> <span class="tag">{token.role}</span> <code>{token.prefix}…</code>
      <span class="quiet">
        {token.lastUsedAt === null ? (
          "never used"
        ) : (
          <>
            used <Time at={token.lastUsedAt} />
          </>
        )}
      </span>
      {token.revokedAt === null ? (
        <button type="button" class="button small danger" onClick={() => revoke(token.name)}>
          Revoke<span class="unseen"> {token.name}</span>
        </button>
      ) : (
        <span class="quiet">
          revoked <Time at={token.revokedAt} />
        </span>
      )}
    </li>
  );
}

function NewToken({ whenMade }: { readonly whenMade: () => Promise<unknown> }) {
  const made = useSignal<string | null>(null);
  const problem = useSignal<Error | null>(null);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    problem.value = null;
    try {
      const asked = { name: String(form.get("name")), role: String(form.get("role")) };
      made.value = (await send<{ readonly token: string }>("POST", "/tokens", asked)).token;
      await whenMade();
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  };
  return (
    <form class="inline-form" onSubmit={onSubmit}>
      <input name="name" required maxLength={100} aria-label="Name of the new token" placeholder="Name" />
      <select name="role" aria-label="Role of the new token">
        <option value="read">read: may look</option>
        <option value="admin">admin: may do everything</option>
      </select>
      <button type="submit" class="button">
        Make a token
      </button>
      <ProblemNote error={problem.value} what="It was not made:" />
      {made.value !== null && (
        <div class="made">
          <p>It is shown this once:</p>
          <Command text={made.value} label="the new token" />
        </div>
      )}
    </form>
  );
}
