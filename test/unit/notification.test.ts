// Who is told of which build, and in which words.

import { expect } from "chai";
import type { Build, Failure, Image, Result } from "../../ci-server/core/build.ts";
import { toCloudEvent } from "../../ci-server/core/cdevents.ts";
import { toMail } from "../../ci-server/core/mail-message.ts";
import { type NotificationRule, notificationsOf, type Occasion } from "../../ci-server/core/notification.ts";
import { toSlackMessage } from "../../ci-server/core/slack-message.ts";
import { exampleBuild } from "../helpers/example-build.ts";

const digest = `sha256:${"a".repeat(64)}`;
const image: Image = {
  ...{ service: "shop", reference: `localhost:5000/acme/shop@${digest}`, path: "acme/shop", digest, tags: ["pr-7"] },
  ...{
    bytes: 10,
    imageId: "",
    key: null,
    reusedFrom: null,
    fixedTags: [],
    bases: [],
    destinations: [],
    attestations: [],
  },
};
const failure: Failure = {
  ...{
    code: "build_failed",
    message: "the step failed <b>&",
    kind: "step",
    service: "shop",
    lastLines: ["a line of the log"],
  },
  step: { number: 3, name: "[3/3] RUN npm test", dockerfileLine: 7, exitCode: 1 },
  hint: "mend the tests",
};

function ended(result: Result, change: Partial<Build> = {}): Build {
  const times = { startedAt: new Date(1_000), finishedAt: new Date(66_000) };
  const images = result === "success" ? [{ ...image, removedAt: null }] : [];
  return exampleBuild({ result, images, failure: result === "success" ? null : failure, ...times, ...change });
}

function rule(on: readonly Occasion[], change: Partial<NotificationRule> = {}): NotificationRule {
  return { channel: "chat", type: "slack", on, repositories: [], ...change };
}

function told(on: readonly Occasion[], result: Result, before: Result | null): Occasion | null {
  return notificationsOf([rule(on)], ended(result), before)[0]?.notice.occasion ?? null;
}

function noticeOf(build: Build, before: Result | null = null) {
  const [first] = notificationsOf([rule(["success", "failure"])], build, before);
  if (first === undefined) throw new Error("nobody is told");
  return first.notice;
}

describe("a notification", () => {
  it("tells of a result where somebody asked for it, and of nothing else", () => {
    expect(told(["failure", "timeout"], "failure", null)).to.equal("failure");
    expect(told(["failure", "timeout"], "timeout", null)).to.equal("timeout");
    expect(told(["failure", "timeout"], "success", null)).to.equal(null);
    expect(told(["skip"], "skip", "success")).to.equal("skip");
    expect(notificationsOf([rule(["failure"])], exampleBuild(), null)).to.deep.equal([]);
  });

  it("calls broken what comes after a success, and fixed a success after anything else", () => {
    expect(told(["broken"], "failure", "success")).to.equal("broken");
    expect(told(["broken"], "error", "success")).to.equal("broken");
    expect(told(["broken"], "failure", "failure")).to.equal(null);
    expect(told(["broken"], "failure", null)).to.equal(null);
    expect(told(["broken"], "cancellation", "success")).to.equal(null);
    expect(told(["fixed"], "success", "timeout")).to.equal("fixed");
    expect(told(["fixed"], "success", "success")).to.equal(null);
    expect(told(["fixed"], "success", null)).to.equal(null);
    // Who asked for the result hears the more telling word, and hears it once.
    expect(
      notificationsOf([rule(["failure", "broken"])], ended("failure"), "success").map(({ notice }) => notice.occasion),
    ).to.deep.equal(["broken"]);
  });

  it("goes to those who asked for the repository, by name or by pattern", () => {
    const rules = [
      rule(["success"], { channel: "all" }),
      rule(["success"], { channel: "named", repositories: ["other/x", "Acme/Shop"] }),
      rule(["success"], { channel: "pattern", repositories: ["acme/*"] }),
      rule(["success"], { channel: "others", repositories: ["acme/cart", "*/x"] }),
    ];
    expect(notificationsOf(rules, ended("success"), null).map(({ channel }) => channel)).to.deep.equal([
      "all",
      "named",
      "pattern",
    ]);
  });

  it("tells a program of each image beside the build, and a person once", () => {
    const cart = { ...image, service: "cart", path: "acme/shop/cart", removedAt: null };
    const build = ended("success", { images: [{ ...image, removedAt: null }, cart] });
    const about = (type: NotificationRule["type"]) =>
      notificationsOf([rule(["success"], { type })], build, null).map(
        ({ notice }) => `${notice.about} ${notice.images.map(({ service }) => service)}`,
      );
    expect(about("webhook")).to.deep.equal(["build shop,cart", "image shop", "image cart"]);
    expect(about("slack")).to.deep.equal(["build shop,cart"]);
    expect(about("email")).to.deep.equal(["build shop,cart"]);
  });

  it("is a CloudEvent that carries a CDEvent, with its outcome where CDEvents has a word for it", () => {
    const event = (result: Result) =>
      toCloudEvent(
        { ...noticeOf(ended("success")), build: { ...noticeOf(ended("success")).build, result } },
        { id: "the-id", publicUrl: null },
      ) as {
        data: { subject: { content: object } };
      };
    expect(event("success")).to.deep.include({
      ...{ specversion: "1.0", id: "the-id", source: "/mergedock", type: "dev.cdevents.pipelinerun.finished.0.3.0" },
      ...{ subject: "acme/shop/builds/1", time: "1970-01-01T00:01:06.000Z", datacontenttype: "application/json" },
    });
    const outcomes = (["success", "failure", "error", "timeout", "cancellation", "skip"] as const).map(
      (result) => event(result).data.subject.content,
    );
    expect(outcomes).to.deep.equal(
      ["success", "failure", "error", "failure", "cancel", undefined].map((outcome) => ({
        pipelineName: "acme/shop",
        ...(outcome && { outcome }),
      })),
    );
  });

  it("lets nobody write into a chat or into a page what they like", () => {
    const pullRequest = {
      number: 7,
      title: "<!channel> *x*\n<https://evil.test|here>",
      url: "u",
      author: "ada",
      mergedBy: null,
    };
    const notice = noticeOf(ended("failure", { pullRequest }));
    const slack = JSON.stringify(toSlackMessage(notice, "https://ci.example.com"));
    expect(slack.replaceAll("<https://ci.example.com/builds/1|build 1>", "")).not.to.match(/[<>]/);
    const { subject, text, html } = toMail(notice, null);
    expect(subject).to.equal("[mergedock] Failed acme/shop #7 <!channel> *x* <https://evil.test|here>");
    expect(html).to.include("&lt;!channel&gt;").and.include("the step failed &lt;b&gt;&amp;");
    expect(text)
      .to.include("Duration:  1 min 5 s\n")
      .and.include("Step:      [3/3] RUN npm test\n")
      .and.include("Next:      mend the tests\n");
    expect(text).not.to.include("http://").and.not.to.include("a line of the log");
  });
});
