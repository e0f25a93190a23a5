// What the API answers, by the names that the dashboard has for it.

import type { SessionView as Session, TokenListView } from "../core/views/access.ts";
import type { BuildView as Build, BuildPageView, LogLineView } from "../core/views/build.ts";
import type { ImageListView, ImageView } from "../core/views/catalogue.ts";

export type { AuditListView, TokenListView } from "../core/views/access.ts";
export type { ImageListView, ImageView, RepositoryListView } from "../core/views/catalogue.ts";
export type { ActivityItemView as ActivityItem, DeliveryView, ReplayView } from "../core/views/delivery.ts";
export type { AppBegunView, AppHostsView, AppMadeView, SystemView } from "../core/views/system.ts";

/** As lists have it. */
export type BuildEntry = Build;
/** As its own page has it. */
export type BuildView = BuildPageView;
export type StepView = BuildPageView["steps"][string][number];
export type ImageOfBuild = Build["images"][number];
export type FailureView = NonNullable<Build["failure"]>;
export type LineView = LogLineView;
export type ImageEntry = ImageListView["images"][number];
export type ImageVersion = ImageView["versions"][number];
export type TokenView = TokenListView["tokens"][number];
export type SessionView = Session;
