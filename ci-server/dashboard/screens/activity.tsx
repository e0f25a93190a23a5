// Activity: whether everything works, and one list of what came in and what became of it.

import { useComputed } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ActivityFeed, type Filters } from "../activity-feed.ts";
import { query } from "../api.ts";
import { address, navigate } from "../browser.ts";
import { useLoaded } from "../live.ts";
import { Page } from "../parts/page.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import type { RepositoryListView, SystemView } from "../views.ts";
import { ActivityRow } from "./activity-row.tsx";
import { HealthStrip } from "./health-strip.tsx";
import { SetupSteps } from "./setup-steps.tsx";

const systemMs = 15_000;

export function ActivityScreen() {
  const filters = useComputed(() => readFilters(address.value)).value;
  const key = JSON.stringify(filters);
  const feed = useMemo(() => new ActivityFeed(filters), [key]);
  const system = useLoaded<SystemView>("/system", systemMs);
  useEffect(() => {
    void feed.start();
    return () => feed.stop();
  }, [feed]);
  return (
    <Page title="Activity">
      <ProblemNote error={system.problem.value} what="The state of the system is not known:" />
      {system.value.value !== null && <HealthStrip system={system.value.value} />}
      <FilterBar filters={filters} isLive={feed.isLive.value} />
      <ProblemNote error={feed.problem.value} what="The list could not be loaded:" />
      <List feed={feed} isFiltered={key !== noFilters} system={system.value.value} />
    </Page>
  );
}

const noFilters = JSON.stringify(readFilters("/"));

function readFilters(from: string): Filters {
  const asked = new URLSearchParams(from.split("?")[1] ?? "");
  const read = (name: string) => asked.get(name) ?? "";
  return { q: read("q"), repository: read("repository"), verdict: read("verdict"), result: read("result") };
}

interface ListProps {
  readonly feed: ActivityFeed;
  readonly isFiltered: boolean;
  readonly system: SystemView | null;
}

function List({ feed, isFiltered, system }: ListProps) {
  const items = feed.items.value;
  if (items === null) return feed.problem.value === null ? <Loading what="the list" /> : null;
  if (items.length === 0) return isFiltered ? <NothingFound /> : <Empty system={system} />;
  return (
    <>
      <ul class="rows activity">
        {items.map((item) => (
          <ActivityRow key={item.id} item={item} />
        ))}
      </ul>
      {feed.next.value !== null && (
        <button type="button" class="button" onClick={() => feed.more()}>
          Show older
        </button>
      )}
    </>
  );
}

function NothingFound() {
  return (
    <p class="empty">
      Nothing fits these filters. <a href="/">Show all</a>
    </p>
  );
}

function Empty({ system }: { readonly system: SystemView | null }) {
  return (
    <section class="empty">
      <h2>Nothing has come in yet</h2>
      <p>Four steps lead to the first image:</p>
      {system !== null && <SetupSteps system={system} />}
      <p>
        <a href="/setup">Set-up</a> has the addresses, the secret, and a delivery to try it with.
      </p>
    </section>
  );
}

const results = ["success", "failure", "error", "timeout", "cancellation", "skip"];

function FilterBar({ filters, isLive }: { readonly filters: Filters; readonly isLive: boolean }) {
  const repositories = useLoaded<RepositoryListView>("/repositories");
  const names = repositories.value.value?.repositories.map(({ name }) => name) ?? [];
  const set = (change: Partial<Filters>) =>
    navigate(`/${query({ ...readFilters(address.peek()), ...change })}`, { replace: true });
  return (
    <search class="filters">
      <SearchField asked={filters.q} set={(q) => set({ q })} />
      <Choice
        label="Repository"
        every="All repositories"
        value={filters.repository}
        options={names}
        set={(repository) => set({ repository })}
      />
      <Choice
        label="Decision"
        every="Built or not"
        value={filters.verdict}
        options={["build", "skip"]}
        set={(verdict) => set({ verdict })}
      />
      <Choice
        label="Result"
        every="Any result"
        value={filters.result}
        options={results}
        set={(result) => set({ result })}
      />
      <span
        class={isLive ? "live is-live" : "live"}
        title={isLive ? "Changes are shown as they happen" : "Asked again every few seconds"}
      >
        {isLive ? "live" : "polling"}
      </span>
    </search>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly every: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly set: (value: string) => void;
}

function Choice({ label, every, value, options, set }: ChoiceProps) {
  const all = value === "" || options.includes(value) ? options : [value, ...options];
  return (
    <select aria-label={label} value={value} onChange={(event) => set(event.currentTarget.value)}>
      <option value="">{every}</option>
      {all.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}

interface SearchProps {
  readonly asked: string;
  readonly set: (words: string) => void;
}

const typingMs = 250;

/** Its text is its own while somebody types: the page is drawn again meanwhile, and takes no letter away. */
function SearchField({ asked, set }: SearchProps) {
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  useEffect(() => {
    if (field.current !== null && document.activeElement !== field.current) field.current.value = asked;
  }, [asked]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onInput = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    const { value } = currentTarget;
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => set(value), typingMs);
  };
  return (
    <input
      ref={field}
      type="search"
      data-search
      placeholder="Search: title, sha, who, tag"
      aria-label="Search"
      onInput={onInput}
    />
  );
}
