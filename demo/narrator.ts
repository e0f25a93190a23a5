// Tells the story of the demo: on a terminal for people, or nothing but the result as JSON.

export interface DemoResult {
  /** By digest, as the engine pulls it. */
  readonly reference: string;
  readonly digest: string;
  /** Milliseconds of each stage. */
  readonly stages: Readonly<Record<string, number>>;
  /** What the container printed. */
  readonly output: string;
}

export interface Narrator {
  /** One line with the seconds since the start. */
  say(text: string): void;
  end(result: DemoResult, tryNext: readonly string[]): void;
}

export interface NarratorOptions {
  /** The story goes to stderr, and stdout is one line: the object. */
  readonly json: boolean;
  /** When the demo began, in milliseconds since 1970. */
  readonly startedMs: number;
}

export function createNarrator({ json, startedMs }: NarratorOptions): Narrator {
  const stream = json ? process.stderr : process.stdout;
  const say = (text: string) => {
    stream.write(`${((Date.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
  };
  return {
    say,
    end(result, tryNext) {
      if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
      else
        process.stdout.write(`\n${summary(result)}\n\nTry next:\n${tryNext.map((line) => `  ${line}`).join("\n")}\n`);
    },
  };
}

function summary({ reference, digest, stages, output }: DemoResult): string {
  const times = Object.entries(stages).map(([name, ms]) => `${name} ${ms} ms`);
  return [
    `reference  ${reference}`,
    `digest     ${digest}`,
    `stages     ${times.join(", ")}`,
    `printed    ${output.trimEnd()}`,
  ].join("\n");
}
