// What could not be done or loaded, with the sentence that the server gave; and the moment before there is anything.

interface ProblemProps {
  readonly error: Error | null;
  readonly what: string;
}

export function ProblemNote({ error, what }: ProblemProps) {
  if (error === null) return null;
  return (
    <p class="note note-bad" role="alert">
      <strong>{what}</strong> {error.message}
    </p>
  );
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="quiet loading" role="status">
      Loading {what}…
    </p>
  );
}
