// How a machine that pulls learns to trust the registry's own authority.

import { isOwnName } from "../check-state.ts";
import { useLoaded } from "../live.ts";
import { Command } from "../parts/copy.tsx";
import type { SystemView } from "../views.ts";

export function TrustTheCa() {
  const { value } = useLoaded<SystemView>("/system");
  const setup = value.value?.setup;
  if (!setup || setup.registryHost === null || setup.caUrl === null) return null;
  const { registryHost: host } = setup;
  if (isOwnName(host))
    return (
      <section class="trust">
        <h2>Pull from another machine</h2>
        <p>
          No other machine can reach <code>{host}</code>. Give the registry a name first:{" "}
          <code>registry.push_host</code> in mergedock.yml.
        </p>
      </section>
    );
  const url = new URL(setup.caUrl, location.origin).href;
  const folder = `/etc/docker/certs.d/${host}`;
  const podman = `/etc/containers/certs.d/${host}`;
  const docker = (path: string) => `sudo mkdir -p ${path} && curl -fsS ${url} | sudo tee ${path}/ca.crt`;
  return (
    <section class="trust">
      <h2>Pull from another machine</h2>
      <p>
        The registry at <code>{host}</code> has a certificate of this installation's own authority. A client trusts it
        once it has{" "}
        <a href={url} download="ca.crt">
          ca.crt
        </a>
        ; no restart is needed.
      </p>
      <h3>Docker</h3>
      <Command text={docker(folder)} label="the command for Docker" />
      <h3>Podman</h3>
      <Command text={docker(podman)} label="the command for Podman" />
      <p class="quiet">
        Compare its fingerprint with that on the server before you trust it on a machine of importance: what came over a
        network that you do not trust may be another's.
      </p>
    </section>
  );
}
