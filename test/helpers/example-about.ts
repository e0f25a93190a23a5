// What a forge says of a repository, for tests that look at something else.

import type { RepositoryAbout } from "../../ci-server/core/repository-about.ts";

export const exampleAbout: RepositoryAbout = { description: "Sells things", license: "MIT" };
