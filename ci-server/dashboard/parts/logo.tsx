// Two branches that meet, and the dock below.

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <rect width="24" height="24" rx="5" />
      <path d="M7 5v4c0 3 5 3 5 6M17 5v4c0 3-5 3-5 6M5 18.5h14" />
    </svg>
  );
}
