// Set-up: what to tell the forge, whether it was heard, a delivery to try it with, and what mends each dependency.

import { useSignal } from "@preact/signals";
import { get, send } from "../api.ts";
import { heardFromForge, isBad, wordOf } from "../check-state.ts";
import { useLoaded } from "../live.ts";
import { Command } from "../parts/copy.tsx";
import { Facts } from "../parts/facts.tsx";
import { Fix } from "../parts/fix.tsx";
import { Page } from "../parts/page.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import { State } from "../parts/state.tsx";
import { Time } from "../parts/time.tsx";
import { isAdmin } from "../session.ts";
import { testedText } from "../test-delivery.ts";
import type { RepositoryListView, SystemView } from "../views.ts";
import { GithubAppCard } from "./github-app.tsx";
import { SetupSteps } from "./setup-steps.tsx";

const pollMs = 3_000;

export function SetupScreen() {
  const system = useLoaded<SystemView>("/system", pollMs);
  const view = system.value.value;
  return (
    <Page title="Set-up">
      <ProblemNote error={system.problem.value} what="The state of the system is not known:" />
      {view === null ? (
        system.problem.value === null && <Loading what="the state of the system" />
      ) : (
        <>
          <SetupSteps system={view} />
          <Webhook system={view} />
          {isAdmin() && <GithubAppCard />}
          {isAdmin() && <TestDelivery />}
          <Dependencies system={view} />
        </>
      )}
    </Page>
  );
}

function Webhook({ system }: { readonly system: SystemView }) {
  const { setup } = system;
  return (
    <section class="card">
      <h2>The webhook</h2>
      <p>
        <code>mergedock webhook add owner/repo</code> adds it, where the server has access to the forge's API. By hand,
        on GitHub: the repository's Settings, Webhooks, Add webhook. Fill in what stands here.
      </p>
      <h3>Payload URL</h3>
      {setup.payloadUrl === null ? (
        <p class="note note-warn">
          No public address is known yet: start the tunnel (<code>docker compose --profile tunnel up -d</code>), or let
          a proxy with a public name pass on <code>/webhooks/github</code>.
        </p>
      ) : (
        <Command text={setup.payloadUrl} label="the payload URL" />
      )}
      <OtherForges urls={setup.payloadUrls.slice(1)} />
      <h3>Secret</h3>
      <Secret file={setup.webhookSecretFile} />
      <Facts
        facts={[
          ["Content type", setup.contentType],
          ["SSL verification", "enabled"],
          [
            "Events",
            `Let me select individual events: ${setup.events.map((event) => eventNames[event] ?? event).join(", ")}`,
          ],
        ]}
      />
      <Heard system={system} />
    </section>
  );
}

/** Where a repository on another forge has its webhook lead to; all else is the same. */
function OtherForges({ urls }: { readonly urls: SystemView["setup"]["payloadUrls"] }) {
  return urls.map(({ forge, url }) => (
    <div key={forge}>
      <h3>Payload URL for repositories on {forge}</h3>
      <Command text={url} label={`the payload URL for ${forge}`} />
    </div>
  ));
}

function Heard({ system }: { readonly system: SystemView }) {
  const heard = heardFromForge(system);
  const { pingReceivedAt } = system.setup;
  return (
    <p class="ping" role="status">
      {heard === null ? (
        <>
          <State name="queued" word="waiting" /> for the ping that GitHub sends when the webhook is added…
        </>
      ) : (
        <>
          <State name="success" word="received" />
          {pingReceivedAt === null ? (
            heard
          ) : (
            <span>
              the ping, <Time at={pingReceivedAt} />
            </span>
          )}
        </>
      )}
    </p>
  );
}

/** As GitHub's page has them. */
const eventNames: Readonly<Record<string, string>> = { pull_request: "Pull requests", issue_comment: "Issue comments" };

/** Shown once; after that it is in its file only. */
function Secret({ file }: { readonly file: string | null }) {
  const secret = useSignal<string | null>(null);
  const problem = useSignal<Error | null>(null);
  const show = async () => {
    try {
      secret.value = (await get<{ readonly secret: string }>("/setup/secret")).secret;
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  };
  return (
    <>
      {secret.value !== null ? (
        <>
          <Command text={secret.value} label="the secret" />
          <p class="note note-warn">It is shown this once. Copy it into the form now.</p>
        </>
      ) : (
        isAdmin() && (
          <button type="button" class="button" onClick={show}>
            Show it once
          </button>
        )
      )}
      <ProblemNote error={problem.value} what="It is not shown:" />
      {file !== null && (
        <p class="quiet">
          On the server it lies in <code>{file}</code>.
        </p>
      )}
    </>
  );
}

interface TestAnswer {
  readonly status: number;
  readonly verdict: string | null;
  readonly delivery: string | null;
}

function TestDelivery() {
  const { value } = useLoaded<RepositoryListView>("/repositories");
  const answer = useSignal<TestAnswer | null>(null);
  const problem = useSignal<Error | null>(null);
  const repositories = value.value?.repositories ?? [];
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const repository = String(new FormData(event.currentTarget).get("repository"));
    problem.value = null;
    answer.value = null;
    try {
      answer.value = await send<TestAnswer>("POST", "/setup/test-delivery", { repository });
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  };
  return (
    <section class="card">
      <h2>Send a test delivery</h2>
      <p>
        A ping, signed here and sent to this server's own webhook listener: it tries everything but the way from the
        forge.
      </p>
      {repositories.length === 0 ? (
        <p class="quiet">Name a repository in mergedock.yml first.</p>
      ) : (
        <form class="inline-form" onSubmit={onSubmit}>
          <select name="repository" aria-label="Repository of the test delivery">
            {repositories.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <button type="submit" class="button">
            Send
          </button>
        </form>
      )}
      <ProblemNote error={problem.value} what="It was not sent:" />
      {answer.value !== null && <Answer answer={answer.value} />}
    </section>
  );
}

function Answer({ answer: { status, verdict, delivery } }: { readonly answer: TestAnswer }) {
  const isGood = status >= 200 && status < 300;
  return (
    <p role="status">
      <State name={isGood ? "success" : "failure"} word={isGood ? "taken" : "refused"} /> with {status}
      {isGood ? `: ${testedText}` : verdict !== null && `: ${verdict}`}.{" "}
      {delivery !== null && <a href={`/deliveries/${encodeURIComponent(delivery)}`}>See what was decided</a>}
    </p>
  );
}

function Dependencies({ system }: { readonly system: SystemView }) {
  return (
    <section>
      <h2>What it needs</h2>
      <ul class="cards">
        {system.checks.map((check) => (
          <li key={check.name} class="card">
            <h3>
              {check.name}{" "}
              <State name={check.ok ? "success" : isBad(check) ? "failure" : "skip"} word={wordOf(check)} />
            </h3>
            <p>{check.detail}</p>
            <Fix check={check} />
          </li>
        ))}
      </ul>
      <Facts
        facts={[
          ["mergedock", `${system.version}, role ${system.role}`],
          ["started", <Time key="started" at={system.startedAt} />],
          ...Object.entries(system.versions).map(([name, version]) => [name, version] as const),
        ]}
      />
    </section>
  );
}
