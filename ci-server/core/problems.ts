// What the codes of errors mean to whoever calls the API: problems are of the type `/problems/<code>`.

import { type ErrorCode, errorCodes } from "./errors.ts";

export const problems: Readonly<Record<ErrorCode, string>> = {
  invalid: "The request is not what this place takes. The detail names each mistake; correct them and send it again.",
  unauthorized: "Nobody knows the token or the session. Sign in again, or send another token.",
  forbidden: "The token may not do this: it has the role read, or the request came from another site.",
  not_found: "There is nothing under this name, or nothing any more.",
  conflict: "What is there already does not go with the request. The detail says what it is.",
  too_large: "The request is larger than what is taken.",
  unsupported: "The request has a type or an encoding that is not taken; the API takes application/json.",
  misdirected: "The server does not go by the host name of the request. List it under listen.hosts if it should.",
  rate_limited: "Too many requests in a short time. Retry-After says how many seconds to wait.",
  unavailable: "A part that is needed does not answer, or is busy. Send the request again later.",
  timeout: "A part that is needed took too long. Send the request again later.",
  cancelled: "It was cancelled.",
  build_failed: "The build failed; its page says why.",
  not_implemented: "This process cannot do that.",
  internal: "Something went wrong in the server, whose log has the whole of it.",
};

export function isErrorCode(text: string): text is ErrorCode {
  return errorCodes.some((code) => code === text);
}
