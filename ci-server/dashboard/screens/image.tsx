// An image: how to pull it, and its versions with digest, size and its change, age, merge, and what is signed.

import { useSignal } from "@preact/signals";
import { get, query } from "../api.ts";
import { bytes, bytesChange, shortDigest, shortSha } from "../format.ts";
import { useLoaded } from "../live.ts";
import { Command, CopyButton } from "../parts/copy.tsx";
import { Page } from "../parts/page.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { State } from "../parts/state.tsx";
import { Time } from "../parts/time.tsx";
import type { ImageVersion, ImageView } from "../views.ts";
import { TagList } from "./build-tabs.tsx";
import { TrustTheCa } from "./trust-ca.tsx";

export function ImageScreen({ path }: { readonly path: string }) {
  const { value, problem } = useLoaded<ImageView>(`/images/${encodeURIComponent(path)}`);
  return (
    <Page title={path}>
      <ProblemNote error={problem.value} what="The image cannot be shown:" />
      {value.value === null ? problem.value === null && <Loading what="the image" /> : <Loaded image={value.value} />}
    </Page>
  );
}

function Loaded({ image }: { readonly image: ImageView }) {
  const older = useSignal<readonly ImageVersion[]>([]);
  const next = useSignal(image.next);
  const more = async () => {
    const page = await get<ImageView>(`/images/${encodeURIComponent(image.path)}${query({ before: next.value })}`);
    older.value = [...older.value, ...page.versions];
    next.value = page.next;
  };
  return (
    <>
      <section class="pull">
        <h2>Pull</h2>
        <Login image={image} />
        {(["docker", "podman", "compose"] as const).map((way) => (
          <div key={way}>
            <h3>{way}</h3>
            <Command text={image.pull[way]} label={`the lines for ${way}`} />
          </div>
        ))}
      </section>
      <h2>Versions</h2>
      <Scroll class="table-frame" label="Versions">
        <table class="versions">
          <thead>
            <tr>
              <th scope="col">Tags</th>
              <th scope="col">Digest</th>
              <th scope="col" class="number">
                Size
              </th>
              <th scope="col" class="number">
                Change
              </th>
              <th scope="col">Merge</th>
              <th scope="col">Signed</th>
              <th scope="col">Age</th>
            </tr>
          </thead>
          <tbody>
            {[...image.versions, ...older.value].map((version) => (
              <Version key={`${version.buildId} ${version.digest}`} version={version} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {next.value !== null && (
        <button type="button" class="button" onClick={more}>
          Show older
        </button>
      )}
      <TrustTheCa />
    </>
  );
}

/** Before the first pull: the registry knows who asks. */
function Login({ image }: { readonly image: ImageView }) {
  const host = image.versions[0]?.reference.split("/")[0];
  if (host === undefined) return null;
  return (
    <>
      <div>
        <h3>log in</h3>
        <Command text={`docker login ${host} -u ci --password-stdin`} label="the login" />
      </div>
      <p class="quiet">
        Once, with the registry's password on its input; podman takes the same. On the server it lies in the file of{" "}
        <code>registry.password_file</code>.
      </p>
    </>
  );
}

function Version({ version }: { readonly version: ImageVersion }) {
  const { pullRequest, sha } = version;
  const merge =
    pullRequest === null
      ? sha === null
        ? `build ${version.buildId}`
        : shortSha(sha)
      : `#${pullRequest.number} ${pullRequest.title}`;
  return (
    <tr class={version.removedAt === null ? "" : "is-removed"}>
      <td>
        <TagList tags={version.tags} />
        {version.removedAt !== null && <span class="quiet">removed</span>}
      </td>
      <td class="digest">
        <code title={version.digest}>{shortDigest(version.digest)}</code>
        <CopyButton text={version.reference} label="Copy the reference by digest" isBare />
      </td>
      <td class="number">{bytes(version.bytes)}</td>
      <td class="number">{version.bytesBefore === null ? "first" : bytesChange(version.bytes, version.bytesBefore)}</td>
      <td>
        <a href={`/builds/${version.buildId}`}>{merge}</a>
        {version.reusedFrom !== null && <span class="quiet"> made by build {version.reusedFrom}</span>}
      </td>
      <td>
        <span class="signs">
          <State name={version.signed ? "success" : "skip"} word={version.signed ? "signed" : "not signed"} />
          {version.sbom && <State name="success" word="SBOM" />}
        </span>
      </td>
      <td>
        <Time at={version.createdAt} />
      </td>
    </tr>
  );
}
