// The name of a repository as a label: only those that the operator has configured; there are only so many of them.

export type RepositoryLabel = (repository: string) => string;

export const otherRepositories = "other";

export function repositoryLabel(configured: readonly string[]): RepositoryLabel {
  const names = new Map(configured.map((name) => [name.toLowerCase(), name]));
  return (repository) => names.get(repository.toLowerCase()) ?? otherRepositories;
}
