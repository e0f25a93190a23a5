// Asks a server that may not be up yet for nothing but its status.

import type { ClientRequest } from "node:http";

/** The status of the answer, or undefined when none came: refused, timed out, not the server that TLS expected. */
export function httpStatus(request: ClientRequest): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  request.on("response", (response) => {
    response.resume();
    response.on("end", () => resolve(response.statusCode));
    response.on("error", () => resolve(undefined));
  });
  request.on("timeout", () => request.destroy());
  request.on("error", () => resolve(undefined));
  request.end();
  return promise;
}
