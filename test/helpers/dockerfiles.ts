// Dockerfiles on the sample application's busybox, for what a browser is to look at.

const base = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY message.txt /app/message.txt
`;

/** The program ends with 127, after fifty lines and one in red. */
export const failing = `${base}RUN seq 1 50 && printf '\\033[31mnpm error\\033[0m no lock file\\n' && npm ci
CMD ["cat", "/app/message.txt"]
`;

/** Prints what message.txt says, which may be anything, and ends well. */
export const printing = `${base}RUN cat /app/message.txt
CMD ["cat", "/app/message.txt"]
`;

/** Prints a line, then one each tenth of a second for ever. `words`: other than those of another build, or the engine takes both for one. */
export function endless(words: string): string {
  return `${base}RUN i=0; while true; do i=$((i+1)); echo "${words} $i"; sleep 0.1; done
`;
}

/** In steps, because the engine cuts what a single one prints too fast. */
export function long({ lines, words }: { readonly lines: number; readonly words: string }): string {
  const perStep = 2_500;
  const steps = Array.from(
    { length: Math.ceil(lines / perStep) },
    (_none, index) =>
      `RUN awk 'BEGIN { for (i = 1; i <= ${perStep}; i++) print "${words} ${index} " i }' && sleep 0.1\n`,
  );
  return base + steps.join("");
}
