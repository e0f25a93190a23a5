// The dashboard in a real browser, on a real server with real builds. One of each for all of it: they take longer than the tests.

import { expect } from "chai";
import { Dashboard } from "../helpers/browser.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { buildTests } from "./screens/build.ts";
import { emptyTests } from "./screens/empty.ts";
import { hostileTests } from "./screens/hostile.ts";
import { keyboardTests } from "./screens/keyboard.ts";
import { logTests } from "./screens/log.ts";
import { loginTests } from "./screens/login.ts";
import { pageTests } from "./screens/pages.ts";
import { sizeTests } from "./screens/size.ts";
import { workTests } from "./screens/work.ts";

describe("the dashboard", function () {
  this.timeout(120_000);
  let dashboard: Dashboard;

  before(async () => {
    dashboard = await Dashboard.start();
    // What the browser starts for its first page stays for the others.
    await dashboard.visit("/");
    await dashboard.leave();
  });

  after(() => dashboard?.stop());

  afterEach("has nothing to complain of", async () => {
    const complaints = await dashboard.leave();
    await removeImages(dashboard.ci.lab);
    expect(complaints.filter((complaint) => !isExpected(complaint))).to.deep.equal([]);
  });

  const given = () => dashboard;
  sizeTests();
  emptyTests(given);
  loginTests(given);
  pageTests(given);
  buildTests(given);
  logTests(given);
  workTests(given);
  keyboardTests(given);
  hostileTests(given);
});

/** A browser notes every answer of 400 and above: those that a page asks for on purpose are looked at by its test. */
function isExpected(complaint: string): boolean {
  return /^Failed to load resource: the server responded with a status of (401|404|503)/.test(complaint);
}
