// What a registry wants to know of whoever reads or writes there.

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** By what `credentialHost` makes of the registry's host. */
export type CredentialsByHost = ReadonlyMap<string, Credentials>;

/** The hub is another one in the words of an image's name, of its API and of BuildKit. */
const hubNames = ["index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"];

/** `localhost:5000`, `docker.io`: one name for one registry. Nothing else is made alike, so that no other host gets credentials. */
export function credentialHost(host: string): string {
  return hubNames.includes(host.toLowerCase()) ? "docker.io" : host.toLowerCase();
}
