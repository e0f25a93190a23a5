// What mergedock.yml may say of the tunnel.

import { z } from "zod";

export const tunnelTypes = ["auto", "agent", "ngrok", "smee", "none"] as const;

const httpUrl = (example: string) => z.url({ protocol: /^https?$/, error: `has to be a URL, such as ${example}` });

export const tunnel = z
  .strictObject({
    type: z.enum(tunnelTypes, `has to be one of ${tunnelTypes.join(", ")}`).default("auto"),
    agent_url: httpUrl("http://127.0.0.1:4040").default("http://127.0.0.1:4040"),
    authtoken_file: z.string().min(1).optional(),
    domain: z
      .string()
      .regex(
        /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/,
        "has to be a host name, such as example.ngrok-free.dev, without https://",
      )
      .optional(),
    url: httpUrl("https://smee.io/abc").optional(),
  })
  .refine(({ type, url }) => (type === "smee") === (url !== undefined), {
    path: ["url"],
    error: "belongs to type smee, which needs it: open https://smee.io/new and copy the address that it leads to",
  })
  .prefault({});
