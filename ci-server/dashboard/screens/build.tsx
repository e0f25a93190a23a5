// Build: what became of it in one sentence, where its time went, its log, and what there is to do.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { nowMs } from "../browser.ts";
import { headline, titleOf } from "../headline.ts";
import { useLoaded } from "../live.ts";
import { LogPanel } from "../log/log-panel.tsx";
import type { LogReader } from "../log/log-reader.ts";
import { Page } from "../parts/page.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import { State, stateOf } from "../parts/state.tsx";
import { Tabs } from "../parts/tabs.tsx";
import type { BuildEntry, BuildView } from "../views.ts";
import { BuildActions } from "./build-actions.tsx";
import { BuildOrigin } from "./build-origin.tsx";
import { ConfigurationTab, DeliveryTab, ImageTab, ProvenanceTab } from "./build-tabs.tsx";
import { FailureCard } from "./failure-card.tsx";
import { ReportNotes } from "./report-notes.tsx";
import { WaterfallList } from "./waterfall-list.tsx";

/** Should the events fail. */
const pollMs = 5_000;
const gatherMs = 1_500;
const endMs = 50;

export function BuildScreen({ id }: { readonly id: string }) {
  const loaded = useLoaded<BuildView>(`/builds/${encodeURIComponent(id)}`);
  const build = loaded.value.value;
  const isOver = build !== null && build.result !== null;
  useEffect(() => {
    if (isOver) return;
    const timer = setInterval(() => {
      if (!document.hidden) void loaded.load();
    }, pollMs);
    return () => clearInterval(timer);
  }, [loaded, isOver]);
  if (build === null) {
    return (
      <Page title={`Build ${id}`}>
        {loaded.problem.value === null ? (
          <Loading what="the build" />
        ) : (
          <ProblemNote error={loaded.problem.value} what="It cannot be shown:" />
        )}
      </Page>
    );
  }
  return <Loaded build={build} problem={loaded.problem.value} load={loaded.load} />;
}

interface LoadedProps {
  readonly build: BuildView;
  readonly problem: Error | null;
  readonly load: () => Promise<void>;
}

function Loaded({ build, problem, load }: LoadedProps) {
  const reader = useSignal<LogReader | null>(null);
  const onBuild = useGathered(load);
  const goToStep = (service: string, step: number) => reader.value?.goToStep(service, step);
  return (
    <Page title={titleOf(build)}>
      <div class="build-head">
        <p class="headline">
          <State name={stateOf(build)} />
          <span>{headline(build, build.result === null ? nowMs.value : 0)}</span>
        </p>
        <BuildOrigin build={build} />
        <BuildActions build={build} load={load} />
      </div>
      <ProblemNote error={problem} what="What is shown may be old:" />
      <ReportNotes reports={build.reports} />
      <FailureCard build={build} goToStep={goToStep} />
      <div class="build-body">
        <WaterfallList build={build} live={reader.value?.steps.value ?? {}} goToStep={goToStep} />
        <LogPanel build={build} reader={reader} onBuild={onBuild} />
      </div>
      <BuildTabs build={build} />
    </Page>
  );
}

function BuildTabs({ build }: { readonly build: BuildView }) {
  const tabs = [
    { id: "image", title: build.images.length > 1 ? "Images" : "Image", content: () => <ImageTab build={build} /> },
    { id: "provenance", title: "Provenance", content: () => <ProvenanceTab build={build} /> },
    { id: "delivery", title: "Delivery", content: () => <DeliveryTab build={build} /> },
    { id: "configuration", title: "Configuration", content: () => <ConfigurationTab build={build} /> },
  ];
  return <Tabs tabs={tabs} label="More of this build" />;
}

/** Events tell that something has changed; the page with its steps is asked for once in a while. */
function useGathered(load: () => Promise<void>): (build: BuildEntry) => void {
  const timer: Signal<number> = useSignal(0);
  useEffect(() => () => clearTimeout(timer.peek()), [timer]);
  return ({ result }) => {
    if (timer.peek() !== 0 && result === null) return;
    clearTimeout(timer.peek());
    timer.value = window.setTimeout(
      () => {
        timer.value = 0;
        void load();
      },
      result === null ? gatherMs : endMs,
    );
  };
}
