// What mergedock.yml may say of metrics, traces and notifications; config-observing.ts reads what it means.

import { z } from "zod";
import { channelTypes, occasions } from "./core/notification.ts";

export const httpUrl = z
  .url({ protocol: /^https?$/, error: "has to be an http:// or https:// URL" })
  .refine((text) => (URL.parse(text)?.username ?? "") === "", "must not hold a user name or a password");
const fileName = z.string().min(1);
const mailAddress = z
  .string()
  .max(320)
  .regex(/^[^\s@<>,;:"()[\]\\\p{C}]+@[^\s@<>,;:"()[\]\\\p{C}]+$/u, "has to be an address, such as team@example.com");

const common = {
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "has to be letters, digits, . _ and -, 64 at most"),
  on: z
    .array(z.enum(occasions, `has to be one of ${occasions.join(", ")}`))
    .min(1, "has to name an occasion, such as failure")
    .default(["failure", "error", "timeout", "fixed"]),
  repositories: z.array(z.string().min(1).max(250)).max(200).default([]),
};
const address = { url: httpUrl.optional(), url_file: fileName.optional() };

const smtp = z
  .strictObject({
    host: z.string().regex(/^[A-Za-z0-9.:[\]-]+$/, "has to be a host name or an address"),
    port: z.number().int().min(1).max(65_535).optional(),
    security: z.enum(["starttls", "tls", "none"]).default("starttls"),
    username: z.string().min(1).optional(),
    password_file: fileName.optional(),
    ca_file: fileName.optional(),
  })
  .refine(
    ({ username, password_file }) => (username === undefined) === (password_file === undefined),
    "needs both username and password_file, or neither",
  )
  .refine(
    ({ security, username }) => security !== "none" || username === undefined,
    "would send the password in the clear: set security to starttls or tls",
  );

const channel = z
  .discriminatedUnion(
    "type",
    [
      z.strictObject({ type: z.literal("webhook"), ...common, ...address, secret_file: fileName }),
      z.strictObject({ type: z.literal("slack"), ...common, ...address }),
      z.strictObject({
        ...{ type: z.literal("email"), ...common, smtp, from: mailAddress },
        to: z.array(mailAddress).min(1, "has to name an address").max(50),
      }),
    ],
    { error: `has to have a type: ${channelTypes.join(", ")}` },
  )
  .refine(
    (given) => given.type === "email" || (given.url === undefined) !== (given.url_file === undefined),
    "needs either url or url_file",
  );

/** Fields at the top of mergedock.yml. */
export const observingFields = {
  public_url: httpUrl.transform((text) => text.replace(/\/+$/, "")).optional(),
  metrics: z.strictObject({ open: z.boolean().default(false) }).prefault({}),
  tracing: z.strictObject({ endpoint: httpUrl.optional() }).prefault({}),
  notifications: z
    .array(channel)
    .max(50)
    .default([])
    .superRefine((given, ctx) => {
      for (const [index, { name }] of given.entries())
        if (given.findIndex((one) => one.name === name) < index)
          ctx.addIssue({ code: "custom", path: [index, "name"], message: "stands here twice" });
    }),
};

/** Fields of `limits`. */
export const observingLimits = {
  // A notification is tried so often, and for so long, whichever ends first; and how long one attempt may take.
  notification_attempts_max: z.number().int().min(1).max(100).default(15),
  notification_hours_max: z.number().int().min(1).max(720).default(24),
  notification_seconds_max: z.number().int().min(1).max(300).default(10),
  // Those that were sent or given up are listed for so long.
  notification_days_max: z.number().int().min(1).max(36_500).default(30),
};

export type ObservingFields = z.infer<z.ZodObject<typeof observingFields>>;
