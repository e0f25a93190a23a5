// Versions of what stands beside Mergedock that have known holes, as far as they matter to whoever builds strangers' merges.

export interface Hole {
  readonly what: string;
  /** As it was seen. */
  readonly version: string;
  readonly ids: readonly string[];
  readonly fix: string;
}

interface Known {
  /** The first ones that are mended, of each line that goes on; older lines have the hole. */
  readonly mended: readonly (readonly [number, number, number])[];
  readonly ids: readonly string[];
  readonly about: string;
}

/** Sources: github.com/moby/moby, opencontainers/runc and distribution/distribution, security advisories. */
const known = {
  engine: [
    {
      mended: [
        [24, 0, 9],
        [25, 0, 2],
      ],
      ids: ["CVE-2024-24557"],
      about: "cache poisoning of the classic builder",
    },
  ],
  runc: [
    {
      mended: [
        [1, 2, 8],
        [1, 3, 3],
      ],
      ids: ["CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881"],
      about: "a step may leave its container",
    },
  ],
  registry: [
    {
      mended: [[3, 1, 1]],
      ids: ["CVE-2026-33540", "CVE-2026-35172", "CVE-2026-41888"],
      about: "holes of the registry's API",
    },
  ],
} as const satisfies Readonly<Record<string, readonly Known[]>>;

export type Watched = keyof typeof known;

/** A distribution may have mended its package under the old number: what is said here is what the version tells. */
export function holesOf(what: Watched, version: string): Hole[] {
  const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (numbers === undefined) return [];
  return known[what]
    .filter(({ mended }) => !isMended(numbers, mended))
    .map(({ mended, ids, about }) => {
      const versions = mended.map((one) => one.join(".")).join(" or ");
      return {
        what,
        version,
        ids,
        fix: `use ${what} ${versions} or newer, or a package that has the fixes (${about})`,
      };
    });
}

/** In its own line from the mended one on, and in every newer line. */
function isMended(version: readonly number[], mended: Known["mended"]): boolean {
  const line = mended.find(([major, minor]) => major === version[0] && minor === version[1]);
  const last = mended.at(-1) ?? [0, 0, 0];
  return line === undefined ? compare(version, last) > 0 : compare(version, line) >= 0;
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((number, at) => number !== other[at]);
  return index < 0 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}
