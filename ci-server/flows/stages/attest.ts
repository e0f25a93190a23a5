// The stage `attest`: signed statements beside each image, on where it comes from and what is in it.

import { type Statement, sbomType, statementAbout } from "../../core/attestation.ts";
import { digestReference } from "../../core/image-ref.ts";
import type { SignedStatement } from "../../core/ports.ts";
import { isProvenanceOf, provenanceStatement } from "../../core/provenance.ts";
import { cyclonedx } from "../../core/sbom/cyclonedx.ts";
import type { AttestParts } from "../attest-parts.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { distributeAttestations, refuseFailed } from "./distribute.ts";
import { checkoutOf, known, repositoryOf, retry } from "./of-run.ts";

/**
 * The image is pushed and proven by now. Trouble that may pass is tried again here, and then gives the build back: the next
 * attempt finds the image made and comes here in a moment. What does not pass is the build's `error`, although the image is
 * there and stays recorded: where attestations are on, whoever asks for them must be able to take a missing one for a
 * removed one. Who would rather have an image without them than an error switches them off.
 *
 * An image that was reused has a manifest of its own for this merge, with the same configuration and layers. Its provenance says
 * `reusedFrom`: which build made them. Where the manifest is one that was attested before, what was said of it stays.
 */
export async function attestImages(run: BuildRun): Promise<void> {
  const { attest } = run.parts;
  if (attest === null) return run.log("attestations are off: see attestations.enabled in mergedock.yml");
  for (const image of run.images) await attestImage(run, attest, image);
  for (const image of run.images) await distributeAttestations(run, image, attest.locked);
  refuseFailed(run);
}

async function attestImage(run: BuildRun, parts: AttestParts, image: ImageRun): Promise<void> {
  const { attestations, locked } = parts;
  const { recipe, reusedFrom } = image;
  const digest = known(image.digest);
  const subject = { name: `${run.parts.pushHost}/${recipe.image}`, digest };
  const finding = retry(run, () => attestations.find(recipe.image, digest, run.signal));
  // Of a new image there is most often nothing yet: what is in it is read meanwhile.
  const [there, early] = await Promise.all([finding, reusedFrom === null ? sbomOf(run, parts, image, subject) : null]);
  const provenances = there.filter((one) => one.type === "provenance" && isEnough(run, image, one));
  const sboms = there.filter(({ type }) => type === "sbom");
  const statements: Statement[] = [];
  if (provenances.length === 0) statements.push(provenanceOf(run, parts, image, subject));
  if (sboms.length === 0) statements.push(early ?? (await sbomOf(run, parts, image, subject)));
  const { fence, signal } = { fence: () => run.lease.confirm(), signal: run.signal };
  const request = { image: recipe.image, digest, statements, locked, fence, signal };
  const made = statements.length === 0 ? [] : await retry(run, () => attestations.attach(request));
  image.attestations = [...provenances, ...sboms, ...made].map(({ type, digest: of }) => ({ type, digest: of }));
  const list = image.attestations.map((one) => `${one.type} ${one.digest}`).join(", ");
  run.log(`attested ${digestReference(run.parts.pushHost, recipe.image, digest)}: ${list}`);
}

/** Of an image that was made before, whatever was said then; of one that was made now, what an earlier attempt has said. */
function isEnough(run: BuildRun, { reusedFrom }: ImageRun, { statement }: SignedStatement): boolean {
  return reusedFrom !== null || isProvenanceOf(statement, run.build.id);
}

type Subject = { readonly name: string; readonly digest: string };

function provenanceOf(run: BuildRun, { builder }: AttestParts, image: ImageRun, subject: Subject): Statement {
  const { sha, merge } = checkoutOf(run);
  return provenanceStatement({
    ...{ build: run.build, attempt: run.at.attempt, repository: repositoryOf(run), builder, image: subject },
    ...{ recipe: image.recipe, bases: image.bases, reusedFrom: image.reusedFrom },
    commit: { sha, mergeMethod: merge?.method ?? null },
    finishedAt: run.parts.clock.now(),
  });
}

async function sbomOf(run: BuildRun, parts: AttestParts, { recipe }: ImageRun, subject: Subject): Promise<Statement> {
  const content = await retry(run, () => parts.attestations.content(recipe.image, subject.digest, run.signal));
  const kinds = new Map<string, number>();
  for (const { kind } of content.packages) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const counts = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(", ");
  run.log(`${recipe.service}: ${content.packages.length} packages in the image${counts && `: ${counts}`}`);
  for (const problem of content.problems) run.log(`${recipe.service}: the SBOM is incomplete: ${problem}`);
  const { committedAt: date } = checkoutOf(run);
  return statementAbout(subject, sbomType, cyclonedx({ ...subject, date, version: parts.builder.version }, content));
}
