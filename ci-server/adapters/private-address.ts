// Keeps connections away from addresses that are of no public host, whatever name led to them.

import { type LookupAddress, lookup } from "node:dns";
import { BlockList, type LookupFunction } from "node:net";
import { AppError } from "../core/errors.ts";

/** Source: IANA's special-purpose address registries (RFC 6890 and what came after it). */
const blocked = new BlockList();
for (const [address, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  blocked.addSubnet(address, bits, "ipv4");
for (const [address, bits] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  blocked.addSubnet(address, bits, "ipv6");

export function isPrivateAddress({ address, family }: LookupAddress): boolean {
  return blocked.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** For the option `lookup` of a connection: names that lead to such an address are refused with an AppError `invalid`. */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, []);
    const found = addresses.find(isPrivateAddress);
    if (found !== undefined) return done(refused(hostname, found), []);
    const [first] = addresses;
    if (options.all === true || first === undefined) return done(null, addresses);
    return done(null, first.address, first.family);
  });
};

function refused(hostname: string, { address }: LookupAddress): AppError {
  const message = `${hostname} leads to the address ${address} of a private network, and nobody has named it as a registry`;
  return new AppError("invalid", message, { details: { privateAddress: address } });
}
