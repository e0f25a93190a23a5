// What GitHub's refusals mean where an App asks for a token, and what to do about each.

import type { GithubAppAccess } from "../../core/access.ts";
import { AppError } from "../../core/errors.ts";
import type { AppPermission } from "./permissions.ts";
import { type Explain, lacking, type Refusal } from "./refusal.ts";

export interface TokenAbout {
  readonly apiUrl: string;
  readonly access: GithubAppAccess;
  readonly owner: string;
  readonly name: string;
  readonly permission: AppPermission;
}

export function explainInstallation(about: TokenAbout): Explain {
  return (refusal) => {
    const { access, apiUrl, owner, name } = about;
    if (refusal.status !== 404) return usual(about, refusal);
    const what = `app ${access.appId} is not installed where ${owner}/${name} is (${apiUrl})`;
    return new AppError(
      "not_found",
      `${what}: install it there; if the repository was renamed, change its name and url`,
    );
  };
}

export function explainToken(about: TokenAbout): Explain {
  return (refusal) => {
    const { access, owner, name, permission } = about;
    const app = `app ${access.appId}`;
    if (refusal.status === 404) {
      const number = access.installationId;
      const what =
        number === null
          ? `${app} is installed no more where ${owner}/${name} is`
          : `${app} has no installation ${number}`;
      const fix = number === null ? "install it there" : "leave out access.github_app.installation_id to have it found";
      return new AppError("not_found", `${what}: ${fix}`);
    }
    if (refusal.status === 422 && /permission/i.test(refusal.message))
      return new AppError("forbidden", lacking(app, permission, true));
    if (refusal.status === 422) {
      const fix = `let its installation reach the repository, and give mergedock.yml its new name if it was renamed`;
      return new AppError("not_found", `${app} does not reach ${owner}/${name}; ${fix}`);
    }
    return usual(about, refusal);
  };
}

function usual({ access, apiUrl }: TokenAbout, { status, message }: Refusal): AppError | null {
  const app = `app ${access.appId}`;
  if (status === 401) {
    const what = "check access.github_app.app_id, its private_key_file, and this machine's clock";
    return new AppError("unauthorized", `${apiUrl} refuses the key of ${app}; ${what}`);
  }
  if (status === 403 && /suspended/i.test(message)) {
    const what = "whoever installed it unsuspends it in the settings of the account";
    return new AppError("forbidden", `the installation of ${app} is suspended; ${what}`);
  }
  return null;
}
