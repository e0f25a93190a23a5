// The log with what a reader needs of it: search, folds, wrap, copy, raw, and the way back to its end.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count } from "../format.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Icon } from "../parts/icon.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { BuildEntry, BuildView } from "../views.ts";
import { LogReader, lineOfAddress } from "./log-reader.ts";

/** Wide enough for most lines. */
const wideQuery = "(min-width: 900px)";

interface LogPanelProps {
  readonly build: BuildView;
  readonly reader: Signal<LogReader | null>;
  readonly onBuild: (build: BuildEntry) => void;
}

export function LogPanel({ build, reader, onBuild }: LogPanelProps) {
  const scroller = useRef<HTMLElement>(null);
  const lines = useRef<HTMLDivElement>(null);
  const isWrapped = useSignal(!matchMedia(wideQuery).matches);
  // The log is that of one build, and read once, whatever else of the build changes.
  useEffect(() => {
    if (scroller.current === null || lines.current === null) return;
    const reading = new LogReader(scroller.current, lines.current);
    const onHash = () => {
      const line = lineOfAddress();
      if (line !== null) reading.goToLine(line);
    };
    reading.start(build, onBuild);
    reader.value = reading;
    window.addEventListener("hashchange", onHash);
    return () => {
      window.removeEventListener("hashchange", onHash);
      reading.stop();
      reader.value = null;
    };
  }, [build.id]);
  return (
    <section class="log" aria-label="Log">
      {reader.value !== null && <LogBar build={build} reader={reader.value} isWrapped={isWrapped} />}
      <Scroll
        innerRef={scroller}
        class={isWrapped.value ? "log-lines is-wrapped" : "log-lines"}
        label="Lines of the log"
      >
        <div ref={lines} class="log-body" />
        {reader.value !== null && <LogState build={build} reader={reader.value} />}
      </Scroll>
      {reader.value !== null && <NewLines reader={reader.value} />}
    </section>
  );
}

interface LogBarProps {
  readonly build: BuildView;
  readonly reader: LogReader;
  readonly isWrapped: Signal<boolean>;
}

function LogBar({ build, reader, isWrapped }: LogBarProps) {
  const isFolded = useSignal(build.failure?.step?.number != null);
  const fold = () => {
    isFolded.value = !isFolded.value;
    reader.openAll(!isFolded.value);
  };
  return (
    <div class="log-bar">
      <h2>
        Log <span class="quiet">{count(reader.lines.value, "line")}</span>
      </h2>
      <SearchField reader={reader} />
      <button type="button" class="button small" aria-pressed={isWrapped.value} onClick={() => toggle(isWrapped)}>
        Wrap
      </button>
      <button type="button" class="button small" onClick={fold}>
        {isFolded.value ? "Unfold" : "Fold"}
      </button>
      {build.result === null && (
        <button
          type="button"
          class="button small"
          data-follow
          aria-pressed={reader.isFollowing.value}
          onClick={() => reader.follow()}
        >
          Follow
        </button>
      )}
      <CopyButton text={() => reader.text()} label="Copy the log" isBare />
      <a class="button small" href={`/api/v1/builds/${build.id}/log`} target="_blank" rel="noreferrer">
        Raw
      </a>
    </div>
  );
}

function toggle(value: Signal<boolean>): void {
  value.value = !value.value;
}

function SearchField({ reader }: { readonly reader: LogReader }) {
  const { count: found, at } = reader.found.value;
  const words = useSignal("");
  const onInput = (event: Event) => {
    if (!(event.currentTarget instanceof HTMLInputElement)) return;
    words.value = event.currentTarget.value;
    reader.look(words.value);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    reader.step(event.shiftKey ? -1 : 1);
  };
  return (
    <search class="log-search">
      <input
        type="search"
        data-search
        aria-label="Search the log"
        placeholder="Search the log"
        onInput={onInput}
        onKeyDown={onKeyDown}
      />
      <span class="log-found" role="status">
        {words.value === "" ? "" : `${at} of ${found}`}
      </span>
    </search>
  );
}

function LogState({ build, reader }: { readonly build: BuildView; readonly reader: LogReader }) {
  if (build.logRemovedAt !== null)
    return <p class="quiet log-note">The log was removed for its age on {build.logRemovedAt.slice(0, 10)}.</p>;
  if (reader.trouble.value !== null) return <p class="note note-warn log-note">{reader.trouble.value}</p>;
  if (reader.lines.value > 0) return null;
  return (
    <p class="quiet log-note">{reader.hasEnded.value ? "Nothing was written." : "Nothing has been written yet."}</p>
  );
}

function NewLines({ reader }: { readonly reader: LogReader }) {
  if (reader.unseen.value === 0) return null;
  return (
    <button type="button" class="new-lines" onClick={() => reader.follow()}>
      <Icon name="down" />
      {count(reader.unseen.value, "new line")}
    </button>
  );
}
