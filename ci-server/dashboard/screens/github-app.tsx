// Making a GitHub App: the form that leads to GitHub, and the page to which GitHub leads back.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, send } from "../api.ts";
import { address, navigate } from "../browser.ts";
import { Command } from "../parts/copy.tsx";
import { Page } from "../parts/page.tsx";
import { Loading, ProblemNote } from "../parts/problem.tsx";
import type { AppBegunView, AppHostsView, AppMadeView } from "../views.ts";

/** Where GitHub leads back to. */
const place = "/setup/github-app";

export function GithubAppCard() {
  const hosts = useSignal<readonly string[]>([]);
  const problem = useSignal<Error | null>(null);
  useEffect(() => {
    get<AppHostsView>("/setup/github-app").then(
      (view) => {
        hosts.value = view.hosts;
      },
      (thrown: Error) => {
        problem.value = thrown;
      },
    );
  }, []);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    const organization = String(form.get("organization")).trim();
    problem.value = null;
    try {
      const asked = { host: String(form.get("host")), organization: organization === "" ? null : organization };
      leaveWith(await send<AppBegunView>("POST", "/setup/github-app", asked));
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  };
  return (
    <section class="card">
      <h2>A GitHub App</h2>
      <p>
        Instead of a token and a webhook for each repository: an App reads the code, tells pull requests what was built,
        and has a webhook of its own. GitHub makes it, and gives its key to this server.
      </p>
      <form class="inline-form" onSubmit={onSubmit}>
        <select name="host" aria-label="Where the App is made">
          {hosts.value.toReversed().map((host) => (
            <option key={host}>{host}</option>
          ))}
        </select>
        <input
          name="organization"
          maxLength={100}
          aria-label="Organization"
          placeholder="Organization, else yourself"
        />
        <button type="submit" class="button" disabled={hosts.value.length === 0}>
          Make a GitHub App
        </button>
      </form>
      <ProblemNote error={problem.value} what="It was not begun:" />
    </section>
  );
}

/** GitHub takes the manifest as a form that the browser posts. */
function leaveWith({ action, manifest }: AppBegunView): void {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "manifest";
  field.value = manifest;
  form.append(field);
  document.body.append(form);
  form.submit();
}

export function GithubAppScreen() {
  const made = useSignal<AppMadeView | null>(null);
  const problem = useSignal<Error | null>(null);
  useEffect(() => {
    const given = new URLSearchParams(address.value.split("?")[1] ?? "");
    const [code, state] = [given.get("code"), given.get("state")];
    if (code === null || state === null) {
      problem.value = new Error("GitHub has not led here with a code: begin on the set-up page.");
      return;
    }
    // It holds for one use: it does not stay in the address, where a reload would try it again.
    navigate(place, { replace: true });
    send<AppMadeView>("POST", "/setup/github-app/conversion", { code, state }).then(
      (view) => {
        made.value = view;
      },
      (thrown: Error) => {
        problem.value = thrown;
      },
    );
  }, []);
  return (
    <Page title="GitHub App">
      <ProblemNote error={problem.value} what="The App was not kept:" />
      {made.value !== null && <Made app={made.value} />}
      {made.value === null && problem.value === null && <Loading what="the App" />}
      <p>
        <a href="/setup">Back to set-up</a>
      </p>
    </Page>
  );
}

function Made({ app: { id, slug, privateKeyFile, installUrl, lines } }: { readonly app: AppMadeView }) {
  return (
    <section class="card">
      <h2>{slug} was made</h2>
      <p>
        Its id is {id}; its key lies on the server in <code>{privateKeyFile}</code>. Workers on other machines need a
        copy.
      </p>
      <h3>1. Install it on the repositories</h3>
      <p>
        <a href={installUrl} target="_blank" rel="noreferrer">
          Install {slug}
        </a>
      </p>
      <h3>2. Enter each of them as the App, in mergedock.yml, and start the server again</h3>
      <Command text={lines} label="the lines for mergedock.yml" />
    </section>
  );
}
