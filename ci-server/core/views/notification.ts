// Who was told of which build, as the API shows it.

import { z } from "zod";
import { results } from "../build.ts";
import { occasions } from "../notification.ts";
import { notificationStates } from "../ports/notifications.ts";
import { count, id, time } from "./json.ts";

const notification = z.object({
  id: z.uuid().meta({ description: "The same for each attempt, and in what is sent." }),
  channel: z.string(),
  attempts: count,
  createdAt: time,
  buildId: id,
  state: z.enum(notificationStates),
  dueAt: time.nullable().meta({ description: "When it is tried next." }),
  endedAt: time.nullable(),
  problem: z.string().nullable().meta({ description: "Why the last attempt failed." }),
  about: z.enum(["build", "image"]),
  occasion: z.enum(occasions),
  repository: z.string(),
  result: z.enum(results),
});

export const notificationListView = z
  .object({ notifications: z.array(notification), next: id.nullable() })
  .meta({ id: "NotificationList" });
