// What the demo asks of the server's API: the log as it grows, and the build once it has ended.

import type { DemoServer } from "./server.ts";

export interface FinishedBuild {
  readonly result: string;
  readonly failure: { readonly message: string } | null;
  readonly stages: readonly { readonly name: string; readonly ms: number }[];
  readonly images: readonly { readonly reference: string; readonly digest: string; readonly tags: readonly string[] }[];
}

/** Gives each line of the log as it comes, and the build when there are no more. */
export async function followBuild(
  server: DemoServer,
  id: number,
  onLine: (line: string) => void,
): Promise<FinishedBuild> {
  const log = await ask(server, `/builds/${id}/log?follow=true`);
  let rest = "";
  for await (const text of (log.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  return (await ask(server, `/builds/${id}`)).json() as Promise<FinishedBuild>;
}

async function ask({ apiUrl, adminToken }: DemoServer, where: string): Promise<Response> {
  const response = await fetch(apiUrl + where, { headers: { authorization: `Bearer ${adminToken}` } });
  if (!response.ok) throw new Error(`GET ${where} was answered with ${response.status}: ${await response.text()}`);
  return response;
}
