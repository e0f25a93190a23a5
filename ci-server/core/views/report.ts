// What forges were told of builds, as the API shows it.

import { z } from "zod";
import { reportKinds, reportStates } from "../report/report.ts";
import { count, id, time } from "./json.ts";

export const buildReport = z.object({
  kind: z.enum(reportKinds),
  state: z.enum(reportStates).meta({ description: "Failed: the forge has said no, or it was given up." }),
  attempts: count.meta({ description: "Since it was told last." }),
  dueAt: time.nullable().meta({ description: "When it is tried next; null when it is not." }),
  problem: z.string().nullable().meta({ description: "Why the last attempt failed." }),
  changedAt: time,
  url: z.string().nullable().meta({ description: "Of the comment." }),
});

export const reportListView = z
  .object({
    reports: z.array(buildReport.extend({ buildId: id, repository: z.string() })),
    next: id.nullable(),
  })
  .meta({ id: "ReportList" });
