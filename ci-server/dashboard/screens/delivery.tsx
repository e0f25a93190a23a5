// Delivery: what was sent, how it was decided rule by rule, and the same again, for good or only to see.

import { useSignal } from "@preact/signals";
import { open, send } from "../api.ts";
import { bytes } from "../format.ts";
import { useLoaded } from "../live.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Facts } from "../parts/facts.tsx";
import { Page } from "../parts/page.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { State } from "../parts/state.tsx";
import { Time } from "../parts/time.tsx";
import { isAdmin } from "../session.ts";
import { withoutTurns } from "../shown-text.ts";
import { isTest, testedText } from "../test-delivery.ts";
import type { DeliveryView, ReplayView } from "../views.ts";
import { RuleList } from "./rule-list.tsx";

export function DeliveryScreen({ guid }: { readonly guid: string }) {
  const { value, problem } = useLoaded<DeliveryView>(`/deliveries/${encodeURIComponent(guid)}`);
  const delivery = value.value;
  const title =
    delivery === null ? "Delivery" : `${delivery.name}${delivery.action === null ? "" : ` ${delivery.action}`}`;
  return (
    <Page title={title}>
      <ProblemNote error={problem.value} what="It cannot be shown:" />
      {delivery === null ? problem.value === null && <Loading what="the delivery" /> : <Loaded delivery={delivery} />}
    </Page>
  );
}

function Loaded({ delivery }: { readonly delivery: DeliveryView }) {
  return (
    <>
      <p class="headline">
        <State {...stateOf(delivery)} />
        <span>{isTest(delivery.guid) ? testedText : delivery.reason}</span>
      </p>
      <Facts
        facts={[
          ["delivery", <code key="guid">{delivery.guid}</code>],
          ["repository", delivery.repository],
          ["received", <Time key="at" at={delivery.receivedAt} />],
          ["size", bytes(delivery.bodyBytes)],
          ["signed with", signedWith[delivery.origin](delivery.secretId)],
          [
            "led to",
            delivery.build === null ? (
              "no build"
            ) : (
              <a key="build" href={`/builds/${delivery.build}`}>
                build {delivery.build}
              </a>
            ),
          ],
        ]}
      />
      <h2>Decision</h2>
      <RuleList rules={delivery.rules} />
      <Again guid={delivery.guid} />
      <h2>Headers</h2>
      <Facts
        facts={Object.entries(delivery.headers ?? {}).map(
          ([name, value]) => [name, <code key={name}>{value}</code>] as const,
        )}
      />
      <Body guid={delivery.guid} />
    </>
  );
}

function stateOf({ guid, verdict }: DeliveryView) {
  if (isTest(guid)) return { name: "success", word: "tested" } as const;
  return verdict === "build"
    ? ({ name: "success", word: "taken" } as const)
    : ({ name: "skip", word: "ignored" } as const);
}

function Again({ guid }: { readonly guid: string }) {
  const outcome = useSignal<(ReplayView & { readonly isDry: boolean }) | null>(null);
  const problem = useSignal<Error | null>(null);
  const replay = async (isDry: boolean) => {
    problem.value = null;
    try {
      const path = `/deliveries/${encodeURIComponent(guid)}/replay${isDry ? "?dry_run=true" : ""}`;
      outcome.value = { ...(await send<ReplayView>("POST", path)), isDry };
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  };
  if (!isAdmin()) return null;
  return (
    <section class="again">
      <div class="actions">
        <button type="button" class="button" onClick={() => replay(true)}>
          Dry run
        </button>
        <button type="button" class="button" onClick={() => replay(false)}>
          Replay
        </button>
        <span class="quiet">A dry run decides by today's rules and builds nothing. A replay builds.</span>
      </div>
      <ProblemNote error={problem.value} what="That was not done:" />
      {outcome.value !== null && <Outcome outcome={outcome.value} isDry={outcome.value.isDry} />}
    </section>
  );
}

function Outcome({ outcome, isDry }: { readonly outcome: ReplayView; readonly isDry: boolean }) {
  const isBuild = outcome.verdict === "build";
  return (
    <section class="card" role="status">
      <p>
        <State
          name={isBuild ? "success" : "skip"}
          word={isDry ? (isBuild ? "would be built" : "would not be built") : outcome.verdict}
        />{" "}
        {outcome.reason} {outcome.build !== null && <a href={`/builds/${outcome.build}`}>build {outcome.build}</a>}
      </p>
      {outcome.rules !== undefined && <RuleList rules={outcome.rules} />}
    </section>
  );
}

const shownBytesMax = 262_144;

function Body({ guid }: { readonly guid: string }) {
  const text = useSignal<string | null>(null);
  const problem = useSignal<Error | null>(null);
  const show = async () => {
    try {
      const response = await open(`/deliveries/${encodeURIComponent(guid)}/body`);
      text.value = pretty(await response.text());
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  };
  return (
    <section>
      <h2>Body</h2>
      {text.value === null ? (
        <button type="button" class="button" onClick={show}>
          Show the body
        </button>
      ) : (
        <>
          <CopyButton text={text.value} label="Copy the body" />
          <Scroll class="body" label="Body">
            <pre>{withoutTurns(text.value.slice(0, shownBytesMax))}</pre>
          </Scroll>
        </>
      )}
      <ProblemNote error={problem.value} what="It cannot be shown:" />
    </section>
  );
}

/** As JSON where it is some, else as it came. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const signedWith: Readonly<Record<DeliveryView["origin"], (secretId: string) => string>> = {
  webhook: (secretId) => `the secret whose SHA-256 begins with ${secretId}`,
  api: () => "nothing: it did not arrive, and was read from the forge's API",
  git: () => "nothing: nobody sent it, and it was seen in git",
};
