// The commands about builds and images.

import { results, triggers } from "../core/build.ts";
import { imageTypes } from "../core/image-type.ts";
import type { Command } from "./command.ts";
import { followOptions, jsonOption, pageOptions, progressHelp, quietOption } from "./options.ts";

const noCache = { flags: "--no-cache", about: "take nothing that was made before" };
const repository = { flags: "--repository <owner/name>", about: "of this repository" };

export const commandsOfBuilds: readonly Command[] = [
  {
    usage: "build <service> <version>",
    about: "build an image by hand",
    examples: [
      ["build shop 1.4.2 --ref v1.4.2 --follow", "and watch it"],
      ["build shop 1.4.2 --follow --progress=quiet", "print the image's reference with its digest"],
    ],
    arguments: [
      { about: "the image's service, as mergedock.yml or .mergedock.yml names it" },
      { about: "a tag that never moves" },
    ],
    more: progressHelp,
    options: [
      { flags: "--ref <ref>", about: "a branch, a tag or a whole commit; else the first of the repository's branches" },
      { flags: "--type <type>", about: "what is made", choices: imageTypes, default: "docker" },
      noCache,
      ...followOptions("auto"),
      jsonOption,
      quietOption,
    ],
    asksServer: true,
    load: () => import("./build.ts"),
  },
  {
    usage: "builds",
    about: "list what was built",
    examples: [
      ["builds", "the newest 20"],
      ["builds --result failure --repository acme/shop --all", "all that failed"],
      ["builds --json | jq '.builds[].images[].reference'", "for programs"],
    ],
    options: [
      repository,
      { flags: "--service <name>", about: "of this service" },
      { flags: "--result <result>", about: "that ended so", choices: results },
      { flags: "--state <state>", about: "that are so", choices: ["queued", "running", "ended"] },
      { flags: "--trigger <trigger>", about: "that were asked for so", choices: triggers },
      ...pageOptions,
      jsonOption,
      quietOption,
    ],
    asksServer: true,
    load: () => import("./builds.ts"),
  },
  {
    usage: "logs <id>",
    about: "print a build's log",
    examples: [
      ["logs 7", "what there is"],
      ["logs 7 --follow", "until its end; the exit code is the build's result"],
      ["logs 7 --json", "a JSON object for each line"],
    ],
    arguments: [{ about: "the build's number" }],
    more: progressHelp,
    options: [...followOptions("plain"), { flags: "--json", about: "the same as --progress=rawjson" }, quietOption],
    asksServer: true,
    load: () => import("./logs.ts"),
  },
  {
    usage: "cancel <id>",
    about: "end a build that waits or runs",
    examples: [["cancel 7", "one that runs ends within a second"]],
    arguments: [{ about: "the build's number" }],
    options: [jsonOption, quietOption],
    asksServer: true,
    load: () => import("./cancel.ts"),
  },
  {
    usage: "rebuild <id>",
    about: "build the same commit again",
    examples: [["rebuild 7 --no-cache --follow", "from nothing, and watch it"]],
    arguments: [{ about: "the build's number" }],
    more: progressHelp,
    options: [noCache, ...followOptions("auto"), jsonOption, quietOption],
    asksServer: true,
    load: () => import("./rebuild.ts"),
  },
  {
    usage: "images [path]",
    about: "list the images, or the versions of one",
    examples: [
      ["images", "all, with their newest tags"],
      ["images acme/shop", "its versions, with digests and sizes"],
    ],
    arguments: [{ about: "an image's path in the registry, such as acme/shop/cart" }],
    options: [
      repository,
      { flags: "--q <words>", about: "whose path has these words" },
      ...pageOptions,
      jsonOption,
      quietOption,
    ],
    asksServer: true,
    load: () => import("./images.ts"),
  },
];
