// Finds a Docker engine that answers: the one of DOCKER_HOST, or the machine's own.

import Docker from "dockerode";

const ownSocket = "unix:///var/run/docker.sock";

/** Its address, or null when there is none. Throws when DOCKER_HOST names one that does not answer. */
export async function findEngine(dockerHost: string | undefined): Promise<string | null> {
  const host = dockerHost || ownSocket;
  const refusal = await connect(host)
    .ping()
    .then(
      () => null,
      (error: Error) => error,
    );
  if (refusal === null) return host;
  if (dockerHost)
    throw new Error(
      `the Docker engine of DOCKER_HOST=${dockerHost} does not answer: ${refusal.message}; start it, or unset DOCKER_HOST`,
    );
  return null;
}

export function connect(host: string): Docker {
  const url = new URL(host);
  if (url.protocol === "unix:") return new Docker({ socketPath: url.pathname });
  return new Docker({ protocol: "http", host: url.hostname, port: Number(url.port || 2375) });
}
