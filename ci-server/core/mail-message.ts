// A notice as an e-mail: a subject of one line, the text, and the same as plain HTML.

import { type NoticeText, noticeText } from "./notice-text.ts";
import type { Notice } from "./notification.ts";

export interface MailMessage {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export function toMail(notice: Notice, publicUrl: string | null): MailMessage {
  const told = noticeText(notice, publicUrl);
  return { subject: `[mergedock] ${told.headline}`, text: toText(told), html: toHtml(told) };
}

function toText({ headline, facts, link }: NoticeText): string {
  const lines = facts.map(({ name, value }) => `${`${name}:`.padEnd(11)}${value}`);
  return [headline, "", ...lines, ...(link === null ? [] : ["", link]), ""].join("\n");
}

function toHtml({ headline, facts, link }: NoticeText): string {
  const rows = facts.map(
    ({ name, value }) => `<tr><td><b>${escapeHtml(name)}</b></td><td>${escapeHtml(value)}</td></tr>`,
  );
  const anchor = link === null ? "" : `<p><a href="${escapeHtml(link)}">${escapeHtml(link)}</a></p>`;
  return `<h3>${escapeHtml(headline)}</h3>\n<table>\n${rows.join("\n")}\n</table>\n${anchor}`;
}

export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
