// What of a repository's own file is refused though it is well-formed: names that do not fit together, and what the server
// does not give to this repository.

import { z } from "zod";
import { usualName } from "./image-ref.ts";
import type { Mistake } from "./mistake.ts";
import { needsMistakes } from "./needs.ts";
import type { Repository } from "./recipe.ts";
import { imagesMax } from "./recipe-schema.ts";

/** Where images may be sent. */
export interface Allowed {
  /** Host of our own registry, as references show it. */
  readonly pushHost: string;
  /** Hosts of the other registries that the server knows. */
  readonly registryHosts: readonly string[];
}

const listMax = 50;
const names = z.array(z.string()).catch([]);

/** What can be looked at though another field is wrong: whatever has another shape is reported by the schema. */
const looseImage = z
  .looseObject({
    service: z.string().optional().catch(undefined),
    needs: names,
    secrets: names,
    push_to: names,
    args: z.record(z.string(), z.unknown()).catch({}),
  })
  .catch({ needs: [], secrets: [], push_to: [], args: {} });
const rawFile = z.looseObject({ images: z.array(z.unknown()).catch([]) }).catch({ images: [] });

type LooseImage = z.infer<typeof looseImage>;

export function serverMistakes(content: unknown, repository: Repository, allowed: Allowed): Mistake[] {
  const raw = rawFile.parse(content);
  const images = raw.images.slice(0, imagesMax).map((image) => looseImage.parse(image));
  return [
    ...forbiddenIn(content, [], repository),
    ...images.flatMap((image, index) => [
      ...forbiddenIn(raw.images[index], ["images", index], repository),
      ...secretMistakes(image, repository).map((mistake) => below(index, mistake)),
      ...destinationMistakes(image, repository, allowed).map((mistake) => below(index, mistake)),
    ]),
    ...nameMistakes(images, repository),
  ];
}

function below(index: number, { path, message }: Mistake): Mistake {
  return { path: ["images", index, ...path], message };
}

function forbiddenIn(said: unknown, path: Mistake["path"], { forbidden }: Repository): Mistake[] {
  if (typeof said !== "object" || said === null) return [];
  const message = "the server's configuration forbids it for this repository";
  return forbidden.filter((field) => Object.hasOwn(said, field)).map((field) => ({ path: [...path, field], message }));
}

/** Duplicate services, and needs that cannot be. */
function nameMistakes(images: readonly LooseImage[], { name }: Repository): Mistake[] {
  const services = images.map(({ service = usualName(name), needs, args }) => {
    return { name: service, needs: needs.slice(0, listMax), args };
  });
  const seen = new Set<string>();
  const twice = services.flatMap((service, index) => {
    const isTwice = seen.has(service.name);
    seen.add(service.name);
    const message = `there are two images of the service "${service.name}"`;
    return isTwice ? [{ path: ["images", index, "service"], message }] : [];
  });
  return [...twice, ...needsMistakes(services).map(({ path, message }) => ({ path: ["images", ...path], message }))];
}

function secretMistakes({ secrets }: LooseImage, repository: Repository): Mistake[] {
  const given = Object.keys(repository.secrets);
  const message = (name: string) =>
    `the server has no secret "${name}" for ${repository.name}; it has: ${given.join(", ") || "none"}`;
  return secrets.flatMap((name, index) =>
    given.includes(name) ? [] : [{ path: ["secrets", index], message: message(name) }],
  );
}

/** Our own registry holds other repositories' images too: there it is this repository's place alone. */
function destinationMistakes({ push_to: pushTo }: LooseImage, repository: Repository, allowed: Allowed): Mistake[] {
  const own = `${allowed.pushHost}/${repository.name.toLowerCase()}`;
  return pushTo.flatMap((destination, index) => {
    const message = destinationMistake(destination, own, allowed);
    return message === null ? [] : [{ path: ["push_to", index], message }];
  });
}

/** `own`: the part of our own registry that is open. Null where it may be sent there. */
export function destinationMistake(
  destination: string,
  own: string,
  { pushHost, registryHosts }: Allowed,
): string | null {
  const host = destination.split("/")[0] ?? "";
  if (host === pushHost)
    return destination === own || destination.startsWith(`${own}/`)
      ? null
      : `in the server's own registry this repository has ${own} and what is below it`;
  if (registryHosts.includes(host)) return null;
  return `the server's configuration has no registry ${host}; it has: ${[...registryHosts, own].join(", ")}`;
}
