// A session beside a build: over it the engine's BuildKit asks for the context, the secrets of the
// recipe and for credentials of registries.

import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import {
  type handleUnaryCall,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { type CredentialsByHost, credentialHost } from "../core/credentials.ts";
import type { OpenContext } from "./build-context.ts";
import { decodePacket, diffCopy, encodePacket, serveContext } from "./buildkit-filesync.ts";

// A header with a name that is not ASCII, for one thing, would be told beside the log; then the whole context is sent.
setLogVerbosity(logVerbosity.NONE);

/** What this build may have, and nothing else is given. */
export interface SessionOffer {
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly credentials: CredentialsByHost;
  /** Null where the engine gets it as an archive. */
  readonly context: SessionContext | null;
}

/** `key`: where the engine keeps what it was sent; the same one for what changes little from build to build. */
export interface SessionContext {
  readonly files: OpenContext;
  readonly key: string;
}

export interface Session {
  /** For the build's query. */
  readonly id: string;
  /** Ends the connection; to be called whatever became of the build. */
  close(): void;
}

/** Opens the connection, with these headers, that is then spoken over in HTTP/2 by the engine as the client. */
export type Connect = (headers: Readonly<Record<string, string | readonly string[]>>) => Promise<Duplex>;

/** Source: moby/buildkit session/secrets/secrets.proto, session/auth/auth.proto; gRPC's health/v1. Only what is read or written here. */
const messages = protobuf.Root.fromJSON({
  nested: {
    GetSecretRequest: { fields: { id: { type: "string", id: 1 } } },
    GetSecretResponse: { fields: { data: { type: "bytes", id: 1 } } },
    CredentialsRequest: { fields: { host: { type: "string", id: 1 } } },
    CredentialsResponse: { fields: { username: { type: "string", id: 1 }, secret: { type: "string", id: 2 } } },
    HealthCheckRequest: { fields: {} },
    HealthCheckResponse: { fields: { status: { type: "int32", id: 1 } } },
  },
});

const methods = {
  secret: "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  credentials: "/moby.filesync.v1.Auth/Credentials",
  health: "/grpc.health.v1.Health/Check",
} as const;
const serving = 1;

export async function openSession(connect: Connect, offer: SessionOffer): Promise<Session> {
  const id = randomUUID();
  const { context } = offer;
  const socket = await connect({
    Upgrade: "h2c",
    "X-Docker-Expose-Session-Uuid": id,
    "X-Docker-Expose-Session-Name": "mergedock",
    ...(context && { "X-Docker-Expose-Session-Sharedkey": context.key }),
    "X-Docker-Expose-Session-Grpc-Method": [...Object.values(methods), ...(context ? [diffCopy] : [])],
  });
  const server = new Server({ "grpc.enable_channelz": 0 });
  server.addService(services, handlers(offer));
  if (context !== null) server.addService({ diffCopy: filesync }, { diffCopy: serveContext(context.files) });
  // The engine ends it as it likes, also in the middle of an answer: the build's own stream tells what that means.
  socket.on("error", () => undefined);
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
  // What came with the connection's head is read in the next tick; a session that is closed before it takes the process down.
  await setImmediate();
  const close = () => {
    server.forceShutdown();
    socket.destroy();
  };
  return { id, close };
}

const services: ServiceDefinition = {
  secret: unary(methods.secret, "GetSecretRequest", "GetSecretResponse"),
  credentials: unary(methods.credentials, "CredentialsRequest", "CredentialsResponse"),
  health: unary(methods.health, "HealthCheckRequest", "HealthCheckResponse"),
};

const filesync: ServiceDefinition[string] = {
  path: diffCopy,
  requestStream: true,
  responseStream: true,
  requestSerialize: encodePacket,
  requestDeserialize: decodePacket,
  responseSerialize: encodePacket,
  responseDeserialize: decodePacket,
};

function unary(path: string, requestName: string, responseName: string): ServiceDefinition[string] {
  const request = messages.lookupType(requestName);
  const response = messages.lookupType(responseName);
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (value) => Buffer.from(request.encode(value).finish()),
    requestDeserialize: (bytes) => request.toObject(request.decode(bytes), { defaults: true }),
    responseSerialize: (value) => Buffer.from(response.encode(value).finish()),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}

/** Their requests are what the schema above decodes. */
function handlers({ secrets, credentials }: SessionOffer): UntypedServiceImplementation {
  const secret: handleUnaryCall<{ id: string }, { data: Uint8Array }> = ({ request }, answer) => {
    const { id } = request;
    const data = secrets.get(id);
    if (data === undefined) answer({ code: status.NOT_FOUND, details: `secret ${id} not found` });
    else answer(null, { data });
  };
  const login: handleUnaryCall<{ host: string }, { username?: string; secret?: string }> = ({ request }, answer) => {
    const found = credentials.get(credentialHost(request.host));
    // Without them it asks the registry as anybody would.
    answer(null, found === undefined ? {} : { username: found.username, secret: found.password });
  };
  // It asks every few seconds, and takes a session that does not answer for dead.
  const health: handleUnaryCall<unknown, { status: number }> = (_call, answer) => answer(null, { status: serving });
  return { secret, credentials: login, health };
}
