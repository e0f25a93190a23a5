// Starts the dashboard in the page.

import "./style/base.css";
import "./style/parts.css";
import "./style/activity.css";
import "./style/build.css";
import "./style/log.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { startBrowser } from "./browser.ts";
import { startKeyboard } from "./keyboard.ts";
import { startSession } from "./session.ts";

const root = document.getElementById("app");
if (root !== null) {
  startBrowser();
  startKeyboard();
  void startSession();
  render(<App />, root);
}
