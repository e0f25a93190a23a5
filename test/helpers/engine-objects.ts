// Lists what an engine holds, one line each, so that two moments can be compared.

import type Docker from "dockerode";

export async function engineObjects(docker: Docker): Promise<string[]> {
  const [containers, images, networks, volumes] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listImages(),
    docker.listNetworks(),
    docker.listVolumes(),
  ]);
  return [
    ...containers.map(({ Names, Image, State }) => `container ${Names.join()} of ${Image} (${State})`),
    ...images.flatMap(({ Id, RepoTags }) => (RepoTags ?? ["<untagged>"]).map((tag) => `image ${tag} ${Id}`)),
    ...networks.map(({ Name }) => `network ${Name}`),
    ...volumes.Volumes.map(({ Name }) => `volume ${Name}`),
  ];
}
