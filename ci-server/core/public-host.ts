// Tells names of the public internet from addresses and from names that mean something else on every network.

/** Names that stand for no public host. Source: RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's .internal, and usual private ones. */
const privateEnds = new Set(
  "localhost local internal intranet lan home corp private test example invalid onion alt arpa localdomain".split(" "),
);

/** A name of two parts or more whose last one may be a public top-level domain; never an address, however it is written. */
export function isPublicHost(hostname: string): boolean {
  const labels = hostname.toLowerCase().replace(/\.$/, "").split(".");
  const last = labels.at(-1) ?? "";
  const isName = labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/.test(label));
  return isName && labels.length > 1 && /^[a-z](?:[a-z0-9-]*[a-z0-9])$/.test(last) && !privateEnds.has(last);
}

/** Without its port. */
export function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, "");
}
