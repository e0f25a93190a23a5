// The sample application: an image of one static busybox that needs no network to be built, and prints what its commit says.

import { readFile } from "node:fs/promises";
import type { Files } from "./sample-commit.ts";

const dockerfile = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY message.txt /app/message.txt
RUN wc -c < /app/message.txt > /app/length.txt
CMD ["cat", "/app/message.txt"]
`;

/** Takes the machine's /bin/busybox (package busybox-static). A commit that changes `message.txt` changes the output. */
export async function sampleApp({ message }: { readonly message: string }): Promise<Files> {
  return {
    Dockerfile: dockerfile,
    busybox: { content: await readFile("/bin/busybox"), executable: true },
    "message.txt": `${message}\n`,
  };
}
