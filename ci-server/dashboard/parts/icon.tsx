// The few signs of the dashboard, drawn as lines of the text's own colour. A word always stands beside them.

const paths = {
  success: "M3.5 8.5l3 3 6-7",
  failure: "M4 4l8 8M12 4l-8 8",
  error: "M8 3v6M8 12.2v.3",
  timeout: "M8 4.5V8l2.5 2M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z",
  cancellation: "M3.6 3.6l8.8 8.8M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z",
  skip: "M4 8h8",
  running: "M8 1.8a6.2 6.2 0 1 1-6.2 6.2",
  queued: "M4 8h.01M8 8h.01M12 8h.01",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
  link: "M6 10l4-4M7 4.5l1-1a3 3 0 0 1 4.5 4.5l-1 1M9 11.5l-1 1A3 3 0 0 1 3.5 8l1-1",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5l3 3",
  down: "M8 3v9M4 8.5L8 12.5l4-4",
  scheme: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 2v12M8 5l4-1M8 9l5.5-1M8 13l4-1",
  again: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v3h-3",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
