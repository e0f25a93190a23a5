// What can be done with a build: cancel it, ask for it again, take its image.

import { useSignal } from "@preact/signals";
import { send } from "../api.ts";
import { navigate } from "../browser.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Icon } from "../parts/icon.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { isAdmin } from "../session.ts";
import type { BuildView } from "../views.ts";

interface ActionsProps {
  readonly build: BuildView;
  readonly load: () => Promise<void>;
}

export function BuildActions({ build, load }: ActionsProps) {
  const problem = useSignal<Error | null>(null);
  const isBusy = useSignal(false);
  const act = async (work: () => Promise<void>) => {
    isBusy.value = true;
    problem.value = null;
    try {
      await work();
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    } finally {
      isBusy.value = false;
    }
  };
  const cancel = async () => {
    await send("POST", `/builds/${build.id}/cancel`, {});
    await load();
  };
  const rebuild = async (noCache: boolean) => {
    const asked = await send<{ readonly build: number }>("POST", `/builds/${build.id}/rebuild`, { no_cache: noCache });
    navigate(`/builds/${asked.build}`);
  };
  const [first] = build.images;
  return (
    <div class="actions">
      {isAdmin() && build.result === null && (
        <button type="button" class="button danger" disabled={isBusy.value} onClick={() => act(cancel)}>
          <Icon name="cancellation" />
          Cancel
        </button>
      )}
      {isAdmin() && build.result !== null && (
        <>
          <button type="button" class="button" disabled={isBusy.value} onClick={() => act(() => rebuild(false))}>
            <Icon name="again" />
            Rebuild
          </button>
          <button type="button" class="button" disabled={isBusy.value} onClick={() => act(() => rebuild(true))}>
            Rebuild without cache
          </button>
        </>
      )}
      {first !== undefined && build.images.length === 1 && (
        <CopyButton text={`docker pull ${first.reference}`} label="Copy docker pull" />
      )}
      <ProblemNote error={problem.value} what="That was not done:" />
    </div>
  );
}
