// The tabs of a build: its images, how they were made, the delivery that asked for them, what was configured.

import { bytes, count, shortDigest } from "../format.ts";
import { useLoaded } from "../live.ts";
import { Command } from "../parts/copy.tsx";
import { Facts } from "../parts/facts.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import { State } from "../parts/state.tsx";
import { Time } from "../parts/time.tsx";
import type { BuildView, DeliveryView, ImageOfBuild } from "../views.ts";
import { RuleList } from "./rule-list.tsx";

interface TabProps {
  readonly build: BuildView;
}

export function ImageTab({ build }: TabProps) {
  if (build.images.length === 0)
    return <p class="quiet">{build.result === null ? "There is no image yet." : "This build has made no image."}</p>;
  return (
    <>
      {build.images.map((image) => (
        <OneImage key={image.reference} image={image} />
      ))}
    </>
  );
}

function OneImage({ image }: { readonly image: ImageOfBuild }) {
  return (
    <section class="card">
      <h3>
        <a href={`/images/${encodeURIComponent(image.path)}`}>{image.service}</a>
      </h3>
      <Facts
        facts={[
          ["tags", <TagList key="tags" tags={image.tags} />],
          ["digest", <code key="digest">{image.digest}</code>],
          ["size", `${bytes(image.bytes)} compressed`],
          [
            "made by",
            image.reusedFrom === null ? (
              "this build"
            ) : (
              <a href={`/builds/${image.reusedFrom}`}>build {image.reusedFrom}</a>
            ),
          ],
          ["removed", image.removedAt === null ? null : <Time at={image.removedAt} />],
          ["also sent to", destinations(image)],
        ]}
      />
      <Command text={`docker pull ${image.reference}`} label="the pull command" />
    </section>
  );
}

function destinations({ destinations: all }: ImageOfBuild) {
  if (all.length === 0) return null;
  return (
    <ul>
      {all.map(({ reference, result, message }) => (
        <li key={reference}>
          <State name={result} word={result === "success" ? "sent" : "not sent"} /> <code>{reference}</code> {message}
        </li>
      ))}
    </ul>
  );
}

export function TagList({ tags }: { readonly tags: readonly string[] }) {
  return (
    <span class="tag-list">
      {tags.map((tag) => (
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
    </span>
  );
}

export function ProvenanceTab({ build }: TabProps) {
  return (
    <>
      <Facts
        facts={[
          ["commit", build.sha === null ? null : <code>{build.sha}</code>],
          [
            "merged by",
            build.merge === null ? null : `${build.merge.method}, since ${build.merge.since ?? "the beginning"}`,
          ],
          ["delivery", build.deliveryGuid === null ? null : <code>{build.deliveryGuid}</code>],
        ]}
      />
      {build.images.map((image) => (
        <Statements key={image.reference} image={image} />
      ))}
      {build.changedFiles !== null && (
        <details>
          <summary>{count(build.merge?.files ?? build.changedFiles.length, "changed file")}</summary>
          <ul class="files">
            {build.changedFiles.map((file) => (
              <li key={file}>{file}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Statements({ image }: { readonly image: ImageOfBuild }) {
  return (
    <section class="card">
      <h3>{image.service}</h3>
      <Facts
        facts={[
          ...image.attestations.map(
            ({ type, digest }) => [type === "sbom" ? "SBOM" : type, <code key={digest}>{digest}</code>] as const,
          ),
          ...image.bases.map(
            ({ reference, digest }) =>
              [
                "from",
                <span key={reference}>
                  <code>{reference}</code> {shortDigest(digest)}
                </span>,
              ] as const,
          ),
          ["made from", image.key === null ? null : <code key="key">{image.key}</code>],
        ]}
      />
      {image.attestations.length > 0 ? (
        <Command text={`mergedock verify ${image.reference}`} label="the command that checks the signatures" />
      ) : (
        <p class="quiet">Nothing was signed: attestations are off.</p>
      )}
    </section>
  );
}

export function DeliveryTab({ build }: TabProps) {
  if (build.deliveryGuid === null)
    return <p class="quiet">No delivery asked for this build: trigger {build.trigger}.</p>;
  return <DeliveryOfBuild guid={build.deliveryGuid} />;
}

function DeliveryOfBuild({ guid }: { readonly guid: string }) {
  const path = encodeURIComponent(guid);
  const { value, problem } = useLoaded<DeliveryView>(`/deliveries/${path}`);
  if (value.value === null)
    return problem.value === null ? (
      <Loading what="the delivery" />
    ) : (
      <ProblemNote error={problem.value} what="It cannot be shown:" />
    );
  const { reason, rules, receivedAt } = value.value;
  return (
    <>
      <p>
        {reason} <Time at={receivedAt} />
      </p>
      <RuleList rules={rules} />
      <p>
        <a href={`/deliveries/${path}`}>Headers, body, replay</a>
      </p>
    </>
  );
}

export function ConfigurationTab({ build }: TabProps) {
  return (
    <>
      <Facts
        facts={[
          ["trigger", build.trigger],
          ["ref", build.ref],
          ["image asked for", build.service],
          ["version asked for", build.version],
          ["cache", build.noCache ? "not used" : "used"],
          ["attempts", String(build.attempts)],
        ]}
      />
      {build.plan !== null && (
        <ul class="plan">
          {build.plan.map(({ service, verdict, reason }) => (
            <li key={service}>
              <State
                name={verdict === "build" ? "success" : "skip"}
                word={verdict === "build" ? "to build" : "left out"}
              />
              <span>
                <strong>{service}</strong>: {reason}
              </span>
            </li>
          ))}
        </ul>
      )}
      <p class="quiet">
        What a repository may say in its <code>.mergedock.yml</code>:{" "}
        <a href="/api/v1/mergedock.schema.json">the schema</a>.
      </p>
    </>
  );
}
