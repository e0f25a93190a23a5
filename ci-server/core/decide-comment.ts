// Decides whether a comment is a command that is taken up; who may give it is asked of the forge later on.

import { type CommentCommand, commandText, readCommand } from "./comment-command.ts";
import type { CommentEvent, RuleVerdict } from "./delivery.ts";
import type { Repository } from "./recipe.ts";
import { judge, type Rule } from "./rule.ts";

/** A command that waits to be obeyed. */
export interface NewCommand extends Pick<CommentEvent, "repositoryId" | "commentId" | "commentedAt" | "author"> {
  /** As it is configured. */
  readonly repository: string;
  readonly pullRequest: number;
  readonly command: CommentCommand;
}

export interface CommentDecision {
  readonly reason: string;
  readonly rules: readonly RuleVerdict[];
  /** Absent where nothing is taken up. */
  readonly command?: NewCommand;
}

interface Known {
  readonly forge: string;
  readonly event: CommentEvent;
  readonly command: CommentCommand | null;
  readonly repository: Repository | undefined;
}

const rules: readonly Rule<Known>[] = [
  {
    name: "command",
    saw: ({ command }) => (command === null ? "none" : commandText(command)),
    passes: ({ command }) => command !== null,
    refusal: ({ event }) => `the comment on #${event.number} is no command: no line of it begins with /mergedock`,
  },
  {
    name: "person",
    saw: ({ event }) => `${event.author}${event.isBot ? ", a bot" : ""}`,
    passes: ({ event }) => !event.isBot,
    refusal: (known) => `${subject(known)}: bots are not obeyed`,
  },
  {
    name: "repository",
    saw: ({ event }) => event.repository,
    passes: ({ repository }) => repository !== undefined,
    refusal: (known) =>
      `${subject(known)}: repository ${known.event.repository} is not configured; add it under "repositories" in mergedock.yml`,
  },
  {
    name: "forge",
    saw: ({ forge }) => forge,
    passes: ({ forge, repository }) => repository?.forge.name === forge,
    refusal: (known) =>
      `${subject(known)}: it came from ${known.forge}, and ${known.repository?.name} lives on ${known.repository?.forge.name}`,
  },
  {
    name: "commands",
    saw: ({ repository }) => `commands: ${repository?.commands}`,
    passes: ({ repository }) => repository?.commands === true,
    refusal: (known) =>
      `${subject(known)}: ${known.event.repository} obeys no comments; "commands: true" in mergedock.yml lets it`,
  },
  {
    name: "merged",
    saw: ({ event }) => (event.isMerged === null ? "not said" : `merged: ${event.isMerged}`),
    passes: ({ event }) => event.isMerged !== false,
    refusal: (known) => `${subject(known)}: it is not merged, and commands are for what was`,
  },
];

export function decideComment(
  event: CommentEvent,
  repository: Repository | undefined,
  forge: string,
  verdicts: RuleVerdict[],
): CommentDecision {
  const command = readCommand(event.body);
  const refusal = judge(rules, { forge, event, command, repository }, verdicts);
  if (refusal !== null) return { reason: refusal, rules: verdicts };
  if (command === null || repository === undefined)
    throw new Error("the rules passed without a command and a repository");
  const { repositoryId, commentId, commentedAt, author, number } = event;
  return {
    reason: `${commandSubject({ command, author, pullRequest: number })}: taken up, once, if ${author} may write`,
    rules: verdicts,
    command: {
      ...{ repositoryId, commentId, commentedAt, author, command },
      ...{ repository: repository.name, pullRequest: number },
    },
  };
}

/** `comment command rebuild by octocat on #42`. */
export function commandSubject({
  command,
  author,
  pullRequest,
}: Pick<NewCommand, "command" | "author" | "pullRequest">): string {
  return `comment command ${commandText(command)} by ${author} on #${pullRequest}`;
}

function subject({ command, event: { author, number } }: Known): string {
  return command === null ? "" : commandSubject({ command, author, pullRequest: number });
}

/** What is asked for under it is done once. Ids are of one server, which has the repository of this name. */
export function commandKey(
  command: Pick<NewCommand, "repository" | "repositoryId" | "commentId"> & { readonly forge: string },
): string {
  const { forge, repository, repositoryId, commentId } = command;
  return `comment ${forge} ${repository.toLowerCase()} ${repositoryId} ${commentId}`;
}
