// Tells people in a chat that takes Slack's incoming webhooks. The URL is the secret.

import type { Channel } from "../../core/ports.ts";
import { toSlackMessage } from "../../core/slack-message.ts";
import { post } from "./post.ts";

export interface SlackChannelOptions {
  readonly name: string;
  readonly url: string;
  readonly publicUrl: string | null;
}

export function createSlackChannel({ name, url, publicUrl }: SlackChannelOptions): Channel {
  return {
    name,
    send({ notice }, signal) {
      const headers = { "content-type": "application/json; charset=utf-8", "user-agent": "mergedock" };
      return post({ url, headers, body: JSON.stringify(toSlackMessage(notice, publicUrl)), signal });
    },
  };
}
