// docker-compose.yml as an operator uses it, against a given engine: up, down, and a look into its containers.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type Docker from "dockerode";
import type { Engine } from "../../lab/engine.ts";
import { root } from "../helpers/folders.ts";

export type ComposeProject = {
  /** Runs `docker-compose` with these arguments and gives its output; throws with the end of what it said. */
  compose(...args: readonly string[]): Promise<string>;
  /** The output of a command in a service's container; throws when it fails there. */
  exec(options: {
    readonly service: string;
    readonly user: string;
    readonly command: readonly string[];
  }): Promise<string>;
  containers(): Promise<Docker.ContainerInspectInfo[]>;
};

type Options = {
  readonly engine: Engine;
  readonly docker: Docker;
  readonly name: string;
  readonly configFolder: string;
};

const run = promisify(execFile);

export function composeProject({ engine, docker, name, configFolder }: Options): ComposeProject {
  const env = {
    HOME: process.env.HOME,
    // Debian's own docker first: that of docker.io builds with BuildKit without a plugin.
    PATH: `/usr/bin:${process.env.PATH}`,
    DOCKER_HOST: engine.host,
    DOCKER_BUILDKIT: "1",
    COMPOSE_DOCKER_CLI_BUILD: "1",
    MERGEDOCK_CONFIG_FOLDER: configFolder,
    MERGEDOCK_ENGINE_SOCKET: engine.socketPath,
  };
  async function command(program: string, args: readonly string[]): Promise<string> {
    const result = await run(program, args, { env, maxBuffer: 64 * 1024 * 1024 }).catch(
      (error: Error & { stdout?: string; stderr?: string }) => {
        const output = `${error.stdout ?? ""}${error.stderr ?? ""}`.trimEnd().split("\n").slice(-30).join("\n");
        throw new Error(`${program} ${args.join(" ")} failed:\n${output}`, { cause: error });
      },
    );
    return result.stdout;
  }
  async function containers(): Promise<Docker.ContainerInspectInfo[]> {
    const filters = { label: [`com.docker.compose.project=${name}`] };
    const all = await docker.listContainers({ all: true, filters });
    return Promise.all(all.map(({ Id }) => docker.getContainer(Id).inspect()));
  }
  return {
    // Not the .env of whoever runs the tests.
    compose: (...args) =>
      command("docker-compose", [
        "--env-file",
        join(root, ".env.example"),
        "-f",
        join(root, "docker-compose.yml"),
        "-p",
        name,
        ...args,
      ]),
    async exec({ service, user, command: inside }) {
      const container = (await containers()).find((each) => serviceOf(each) === service);
      return command("docker", ["exec", "--user", user, container?.Id ?? service, ...inside]);
    },
    containers,
  };
}

export function serviceOf(container: Docker.ContainerInspectInfo): string {
  return container.Config.Labels["com.docker.compose.service"] ?? "";
}
