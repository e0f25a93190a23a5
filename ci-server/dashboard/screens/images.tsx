// Images: what the registry holds of each service, newest first, and how a client learns to trust it.

import { useSignal } from "@preact/signals";
import { query } from "../api.ts";
import { bytes, count, shortDigest } from "../format.ts";
import { useLoaded } from "../live.ts";
import { Page } from "../parts/page.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import { Time } from "../parts/time.tsx";
import type { ImageEntry, ImageListView } from "../views.ts";
import { TagList } from "./build-tabs.tsx";
import { TrustTheCa } from "./trust-ca.tsx";

export function ImagesScreen() {
  const words = useSignal("");
  const { value, problem } = useLoaded<ImageListView>(`/images${query({ q: words.value, limit: 100 })}`);
  return (
    <Page title="Images">
      <search class="filters">
        <input
          type="search"
          data-search
          placeholder="Search: repository, service"
          aria-label="Search images"
          onInput={(event) => {
            words.value = event.currentTarget.value;
          }}
        />
      </search>
      <ProblemNote error={problem.value} what="The images could not be loaded:" />
      {value.value === null && problem.value === null && <Loading what="the images" />}
      {value.value !== null && <List images={value.value.images} />}
      {value.value?.next != null && <p class="quiet">There are more: search for one.</p>}
      <TrustTheCa />
    </Page>
  );
}

function List({ images }: { readonly images: readonly ImageEntry[] }) {
  if (images.length === 0) return <p class="empty">There is no image here. The first merge makes one.</p>;
  return (
    <ul class="rows images">
      {images.map((image) => (
        <li key={image.path}>
          <a class="row" href={`/images/${encodeURIComponent(image.path)}`} data-row>
            <span class="row-what">
              <span class="row-title">{image.path}</span>
              <span class="row-about">
                <span class="mono">{shortDigest(image.newest.digest)}</span>
                <span>
                  {count(image.tags, "tag")}, {count(image.builds, "build")}
                </span>
              </span>
            </span>
            <span class="row-tags">
              <TagList tags={image.newest.tags.slice(0, 4)} />
            </span>
            <span class="row-took">{bytes(image.bytes)}</span>
            <span class="row-age">
              <Time at={image.newest.createdAt} />
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}
