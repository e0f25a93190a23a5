// How the forges' APIs fare, as the processes that ask them have last seen it: pure.

export interface ForgeHealth {
  /** `github`. */
  readonly forge: string;
  readonly apiUrl: string;
  /** Who asks: `app 4711`, `the token of access.token_file (/etc/token)`; empty where it is the API itself, for all who ask. */
  readonly credential: string;
  readonly state: "ok" | "rate_limited" | "no_answer";
  /** Since when it is so. */
  readonly since: Date;
  /** When it was last seen so. */
  readonly seenAt: Date;
  /** Not to be asked before; null where it may be. */
  readonly until: Date | null;
  /** What the forge said, without secrets. */
  readonly problem: string | null;
}

export interface ForgeTrouble {
  readonly detail: string;
  readonly fix: string;
}

/** Who has not been heard of for so long has ended, or asks no more: what it saw says nothing of now. */
const staleMs = 10 * 60 * 1000;

/** Null where nothing is known to be wrong. Of several the outage is told first, for it holds for everybody. */
export function forgeTrouble(all: readonly ForgeHealth[], now: Date): ForgeTrouble | null {
  const away = all.find(({ state, seenAt }) => state === "no_answer" && now.getTime() - seenAt.getTime() < staleMs);
  if (away !== undefined)
    return {
      detail: `${nameOf(away)} has not answered since ${away.since.toISOString()}: ${away.problem}`,
      fix: `nothing, if it is the forge's own outage (www.githubstatus.com for github.com): builds go on, and what is to be told is told later; else look at api.url, the network, and NODE_EXTRA_CA_CERTS`,
    };
  const limited = all
    .filter(({ state, until }) => state === "rate_limited" && until !== null && until > now)
    .sort((one, other) => Number(other.until) - Number(one.until))[0];
  if (limited === undefined) return null;
  return {
    detail: `${nameOf(limited)} takes nothing of ${limited.credential} until ${limited.until?.toISOString()}: rate limited`,
    fix: "nothing: builds go on, and what is to be told is told then; if it comes back often, give Mergedock a token or an app of its own",
  };
}

function nameOf({ forge, apiUrl }: ForgeHealth): string {
  return `${forge} (${apiUrl})`;
}
