// Which images of a repository are FROM which others of it: whether that can be built, and how a Dockerfile names them.

import { suggestion } from "./closest-word.ts";
import type { Mistake } from "./mistake.ts";

export interface Needy {
  readonly name: string;
  readonly needs: readonly string[];
  readonly args: Readonly<Record<string, unknown>>;
}

/** The build argument that holds the image of a service: `BASE_IMAGE` for `base`, `NODE_22_IMAGE` for `node-22`. */
export function neededArgument(service: string): string {
  const name = `${service.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}_IMAGE`;
  // A Dockerfile has no variables that begin with a digit.
  return /^\d/.test(name) ? `_${name}` : name;
}

/** Paths begin at the list of services. */
export function needsMistakes(services: readonly Needy[]): Mistake[] {
  const names = services.map(({ name }) => name);
  return services.flatMap((service, index) => {
    const wrong = service.needs.flatMap((need, at) => {
      const message = needMistake(services, service, need, at);
      return message === null ? [] : [{ path: [index, "needs", at], message }];
    });
    const given = service.needs.filter((need) => names.includes(need)).map(neededArgument);
    const taken = Object.keys(service.args).filter((name) => given.includes(name));
    const message = "is given by needs; choose another name";
    return [...wrong, ...taken.map((name) => ({ path: [index, "args", name], message }))];
  });
}

function needMistake(services: readonly Needy[], { name, needs }: Needy, need: string, at: number): string | null {
  const names = services.map((one) => one.name);
  if (!names.includes(need)) return `there is no service "${need}"; ${suggestion(need, names)}`;
  if (needs.indexOf(need) < at) return "stands here twice";
  const same = needs.slice(0, at).find((other) => neededArgument(other) === neededArgument(need));
  if (same !== undefined) return `"${same}" and "${need}" would both be the argument ${neededArgument(need)}`;
  const way = wayFrom(services, need, name);
  return way === null ? null : `goes in a circle: ${[name, ...way].join(" needs ")}`;
}

/** The shortest way along needs, both ends included. */
function wayFrom(services: readonly Needy[], from: string, to: string): string[] | null {
  const ways = [[from]];
  const seen = new Set([from]);
  for (const way of ways) {
    const last = way.at(-1);
    if (last === to) return way;
    for (const next of services.find(({ name }) => name === last)?.needs ?? []) {
      if (!seen.has(next)) ways.push([...way, next]);
      seen.add(next);
    }
  }
  return null;
}
