// One line of the list: a delivery and the build it led to, a build that was asked for otherwise, or why nothing was built.

import { nowMs } from "../browser.ts";
import { bytes, duration, shortSha } from "../format.ts";
import { elapsedMs, failureInShort } from "../headline.ts";
import { State, stateOf } from "../parts/state.tsx";
import { Time } from "../parts/time.tsx";
import { isTest, testedText } from "../test-delivery.ts";
import type { ActivityItem, BuildEntry } from "../views.ts";

export function ActivityRow({ item }: { readonly item: ActivityItem }) {
  const { build, delivery } = item;
  const to = build !== null ? `/builds/${build.id}` : `/deliveries/${encodeURIComponent(delivery?.guid ?? "")}`;
  return (
    <li>
      <a class="row" href={to} data-row>
        {build === null ? <DeliveryState delivery={delivery} /> : <State name={stateOf(build)} />}
        <span class="row-what">
          <span class="row-title">{item.title}</span>
          <span class="row-about">
            <About item={item} />
          </span>
        </span>
        <span class="row-tags">{build !== null && <Tags build={build} />}</span>
        <span class="row-took">{build !== null && <Took build={build} medianMs={item.medianMs} />}</span>
        <span class="row-age">
          <Time at={item.at} />
        </span>
      </a>
    </li>
  );
}

function DeliveryState({ delivery }: Pick<ActivityItem, "delivery">) {
  if (isTest(delivery?.guid ?? "")) return <State name="success" word="tested" />;
  return <State name="skip" word={delivery?.verdict === "skip" ? "ignored" : "taken"} />;
}

function About({ item: { build, delivery, repository } }: { readonly item: ActivityItem }) {
  if (build === null) {
    const event = [delivery?.event, delivery?.action].filter(Boolean).join(" ");
    return (
      <>
        <span>{[repository, event].filter(Boolean).join(" · ")}</span>
        <span class="row-reason">{isTest(delivery?.guid ?? "") ? testedText : delivery?.reason}</span>
      </>
    );
  }
  const sha = build.sha === null ? "" : `@${shortSha(build.sha)}`;
  const who = build.pullRequest?.mergedBy ?? build.pullRequest?.author ?? triggers[build.trigger];
  return (
    <>
      <span>
        <span class="mono">{`${build.repository}${sha}`}</span> · {who}
      </span>
      <Reason build={build} />
    </>
  );
}

const triggers = {
  pull_request: "pull request",
  manual: "by hand",
  base_image: "base image",
  reconcile: "found by git",
} as const;

/** Of what went well nothing has to be said. */
function Reason({ build }: { readonly build: BuildEntry }) {
  const said = build.skipReason ?? (build.failure === null ? null : failureInShort(build.failure));
  if (build.result === null && build.startedAt !== null) return <span class="row-stage">{build.stage}</span>;
  return said === null ? null : <span class="row-reason">{said}</span>;
}

function Tags({ build }: { readonly build: BuildEntry }) {
  const tags = build.images.flatMap((image) =>
    image.tags.map((tag) => ({
      key: `${image.service}:${tag}`,
      text: build.images.length > 1 ? `${image.service}:${tag}` : tag,
    })),
  );
  return (
    <>
      {tags.slice(0, 3).map(({ key, text }) => (
        <span key={key} class="tag">
          {text}
        </span>
      ))}
      {tags.length > 3 && <span class="quiet">+{tags.length - 3}</span>}
    </>
  );
}

/** Its time, and beside it what is usual for the repository. */
function Took({ build, medianMs }: { readonly build: BuildEntry; readonly medianMs: number | null }) {
  const isRunning = build.result === null;
  const took = elapsedMs(build, isRunning ? nowMs.value : 0);
  if (took === null) return <span class="quiet">-</span>;
  const isUsual = medianMs === null || (!isRunning && took > 0.75 * medianMs && took < 1.25 * medianMs);
  const usual = isUsual ? "" : `usually ${duration(medianMs)}`;
  const size = build.images.reduce((sum, image) => sum + image.bytes, 0);
  return (
    <>
      <span class="took">{duration(took)}</span>
      <span class="quiet usual" title={size === 0 ? undefined : `images: ${bytes(size)}`}>
        {usual}
      </span>
      {isRunning && medianMs !== null && (
        <progress max={medianMs} value={Math.min(took, medianMs)} aria-label="Share of the usual time" />
      )}
    </>
  );
}
