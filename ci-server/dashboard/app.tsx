// The frame of every page: who is signed in, where one can go, and the page that the address names.

import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { address, type Scheme, scheme, setScheme } from "./browser.ts";
import { Help } from "./help.tsx";
import { isHelpOpen } from "./keyboard.ts";
import { Icon } from "./parts/icon.tsx";
import { Logo } from "./parts/logo.tsx";
import { Page } from "./parts/page.tsx";
import { Loading, ProblemNote } from "./parts/problem.tsx";
import { AccessScreen } from "./screens/access.tsx";
import { ActivityScreen } from "./screens/activity.tsx";
import { BuildScreen } from "./screens/build.tsx";
import { DeliveryScreen } from "./screens/delivery.tsx";
import { GithubAppScreen } from "./screens/github-app.tsx";
import { ImageScreen } from "./screens/image.tsx";
import { ImagesScreen } from "./screens/images.tsx";
import { LoginScreen } from "./screens/login.tsx";
import { SetupScreen } from "./screens/setup.tsx";
import { isAdmin, session, sessionProblem, signOut, signOutProblem } from "./session.ts";

export function App() {
  if (session.value === "unknown") return <Opening />;
  if (session.value === null) return <LoginScreen />;
  return (
    <>
      <a class="skip-link" href="#content">
        Skip to the content
      </a>
      <Header name={session.value.name} role={session.value.role} />
      <ProblemNote error={signOutProblem.value} what="You are still signed in:" />
      <main id="content" tabIndex={-1}>
        <Screen />
      </main>
      <Help />
    </>
  );
}

function Opening() {
  return (
    <main class="page">
      <Loading what="the dashboard" />
      <ProblemNote error={sessionProblem.value} what="It does not answer." />
    </main>
  );
}

function Screen() {
  // The query is the page's own affair: it changes without a new page.
  const path = useComputed(() => address.value.split("?")[0] ?? "/").value;
  const before = useRef(path);
  useEffect(() => {
    // Whoever has just arrived begins at the top of the page.
    if (before.current === path) return;
    before.current = path;
    if (document.activeElement !== document.body && location.hash === "")
      document.getElementById("content")?.focus({ preventScroll: true });
  }, [path]);
  const [, first = "", second] = path.split("/");
  const argument = second === undefined ? undefined : decode(second);
  if (path === "/" || path === "/login") return <ActivityScreen />;
  if (first === "builds" && argument !== undefined) return <BuildScreen key={argument} id={argument} />;
  if (first === "images")
    return argument === undefined ? <ImagesScreen /> : <ImageScreen key={argument} path={argument} />;
  if (first === "deliveries" && argument !== undefined) return <DeliveryScreen key={argument} guid={argument} />;
  if (first === "setup" && argument === "github-app") return <GithubAppScreen />;
  if (first === "setup") return <SetupScreen />;
  if (first === "access") return <AccessScreen />;
  return (
    <Page title="There is no such page">
      <p>
        <a href="/">Activity</a> has what came in and what became of it.
      </p>
    </Page>
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function Header({ name, role }: { readonly name: string; readonly role: string }) {
  return (
    <header class="bar">
      <a class="brand" href="/">
        <Logo />
        mergedock
      </a>
      <nav class="bar-nav" aria-label="Pages">
        <Place to="/" title="Activity" />
        <Place to="/images" title="Images" />
        <Place to="/setup" title="Set-up" />
        {isAdmin() && <Place to="/access" title="Access" />}
      </nav>
      <div class="bar-end">
        <SchemeSwitch />
        <button type="button" class="button bare" title="Keys" onClick={() => openHelp()}>
          <span aria-hidden="true">?</span>
          <span class="unseen">Keys</span>
        </button>
        <button
          type="button"
          class="button bare who"
          title={`Signed in as ${name} (${role})`}
          onClick={() => signOut()}
        >
          Sign out
        </button>
      </div>
    </header>
  );
}

function openHelp(): void {
  isHelpOpen.value = true;
}

function Place({ to, title }: { readonly to: string; readonly title: string }) {
  const path = address.value.split("?")[0] ?? "/";
  const isHere =
    to === "/" ? path === "/" || path.startsWith("/builds") || path.startsWith("/deliver") : path.startsWith(to);
  return (
    <a href={to} class="place" aria-current={isHere ? "page" : undefined}>
      {title}
    </a>
  );
}

const schemes: readonly Scheme[] = ["system", "light", "dark"];

function SchemeSwitch() {
  const next = () => setScheme(schemes[(schemes.indexOf(scheme.value) + 1) % schemes.length] ?? "system");
  return (
    <button type="button" class="button bare" title={`Colours: ${scheme.value}`} onClick={next}>
      <Icon name="scheme" />
      <span class="unseen">Colours: {scheme.value}</span>
    </button>
  );
}
