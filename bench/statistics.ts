// The few numbers that the tables are made of.

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The smallest value that `percent` of all are not above. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

/** To `digits` significant ones. */
export function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits));
}
