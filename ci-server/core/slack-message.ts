// A notice as Slack's incoming webhooks take it, and Mattermost, Rocket.Chat and others with them.
// Source: docs.slack.dev: "Sending messages using incoming webhooks", "Formatting message text".

import { noticeText, resultMarks } from "./notice-text.ts";
import type { Notice } from "./notification.ts";

/** Of a section's text Slack takes 3,000 characters. */
const textCharsMax = 2_900;

export function toSlackMessage(notice: Notice, publicUrl: string | null): object {
  const { headline, facts, link } = noticeText(notice, publicUrl);
  const title = `${resultMarks[notice.build.result]} ${escapeSlack(headline)}`;
  const linked = link === null ? title : `${title} <${link}|build ${notice.build.id}>`;
  const lines = facts.map(({ name, value }) => `*${name}*: ${escapeSlack(value)}`).join("\n");
  return {
    text: title,
    blocks: [section(linked), section(lines)],
    unfurl_links: false,
  };
}

/** These three and no others: with them nobody can write a link, or call a whole channel. */
export function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function section(text: string): object {
  return { type: "section", text: { type: "mrkdwn", text: text.slice(0, textCharsMax) } };
}
