// Which host names the API answers to. A page of another site can let its own name lead to this machine (DNS rebinding), and is then
// of the same origin to the browser; the name in the request gives it away.

import type { Middleware } from "koa";
import { AppError } from "../core/errors.ts";

export interface Hosts {
  /** The address that the listener is bound to. */
  readonly own: string;
  /** `name` or `name:port`, in lower case. */
  readonly allowed: readonly string[];
}

const hostPattern = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/;
const loopbackPattern = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Loopback, the listener's own address, and what is allowed by name. */
export function onlyFor({ own, allowed }: Hosts): Middleware {
  return (ctx, next) => {
    const host = ctx.get("host").toLowerCase();
    const name = hostPattern.exec(host)?.[1]?.replace(/\.$/, "");
    if (name !== undefined) {
      if (loopbackPattern.test(name) || [host, name].some((one) => allowed.includes(one))) return next();
      const addresses = [own, ctx.req.socket.localAddress ?? ""].map(bracketed);
      if (addresses.includes(name)) return next();
    }
    const shown = name === undefined ? "this host name" : `"${name}"`;
    throw new AppError("misdirected", `the server does not go by ${shown}; list it under listen.hosts if it should`);
  };
}

/** As a URL has it. */
function bracketed(address: string): string {
  const plain = address.toLowerCase().replace(/^::ffff:/, "");
  return plain.includes(":") ? `[${plain}]` : plain;
}
