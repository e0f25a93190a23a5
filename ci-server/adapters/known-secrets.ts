// Tokens that were sent lately, by the repository they were sent for: what a log must not show.

/** A token that was replaced may still stand in what a build prints. */
const keptMax = 8;

export class KnownSecrets {
  readonly #sent = new Map<string, readonly string[]>();

  note(repository: string, secrets: readonly string[]): void {
    const name = repository.toLowerCase();
    const before = this.of(name).filter((secret) => !secrets.includes(secret));
    if (secrets.length > 0) this.#sent.set(name, [...before, ...secrets].slice(-keptMax));
  }

  of(repository: string): readonly string[] {
    return this.#sent.get(repository.toLowerCase()) ?? [];
  }
}
