// A notice as a CloudEvent that carries a CDEvent. Sources: CloudEvents 1.0.2 (JSON format), CDEvents 0.5.1: its schemas
// pipelinerunfinished and artifactpublished, and its binding to CloudEvents.

import type { Result } from "./build.ts";
import { buildLink } from "./notice-text.ts";
import type { Notice } from "./notification.ts";
import { purl } from "./purl.ts";

const specversion = "0.5.1";
const types = {
  build: "dev.cdevents.pipelinerun.finished.0.3.0",
  image: "dev.cdevents.artifact.published.0.3.0",
} as const;

/** CDEvents has no word for what was not built; `customData` has ours for all of them. */
const outcomes: Readonly<Record<Result, string | null>> = {
  ...{ success: "success", failure: "failure", timeout: "failure", error: "error", cancellation: "cancel", skip: null },
};

export interface EventOptions {
  /** The same whenever the event is sent. */
  readonly id: string;
  readonly publicUrl: string | null;
}

/** In structured mode: to be sent as `application/cloudevents+json`. */
export function toCloudEvent(notice: Notice, { id, publicUrl }: EventOptions): object {
  const { build, about, occasion, images } = notice;
  const source = publicUrl ?? "/mergedock";
  const type = types[about];
  const subject = about === "build" ? ofBuild(notice, publicUrl) : ofImage(notice);
  const time = build.finishedAt;
  return {
    ...{ specversion: "1.0", id, source, type, subject: subject.id, time, datacontenttype: "application/json" },
    data: {
      context: { specversion, id, source, type, timestamp: time },
      subject: { ...subject, source },
      customData: { occasion, build, images },
      customDataContentType: "application/json",
    },
  };
}

interface Subject {
  readonly id: string;
  readonly content: object;
}

function ofBuild({ build }: Notice, publicUrl: string | null): Subject {
  const outcome = outcomes[build.result];
  const uri = buildLink(publicUrl, build.id);
  const errors = build.failure?.message ?? null;
  return {
    id: `${build.repository}/builds/${build.id}`,
    content: {
      pipelineName: build.repository,
      ...(uri !== null && { uri }),
      ...(outcome !== null && { outcome }),
      ...(errors !== null && { errors }),
    },
  };
}

/** Source: package-url types, `oci`: the name is the last segment, in lower case; the version is the digest. */
function ofImage({ images }: Notice): Subject {
  const [image] = images;
  if (image === undefined) throw new Error("a notice about an image has none");
  const { path, digest, reference, tags } = image;
  const qualifiers = { repository_url: reference.split("@", 1).join(), tag: tags[0] ?? null };
  return {
    id: purl({ type: "oci", name: path.split("/").at(-1) ?? path, version: digest, qualifiers }),
    content: {},
  };
}
