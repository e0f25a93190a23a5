// Writes a date as a format of Moment.js says, in any time zone: `YYYYMMDD-HHmmss`, `dddd, MMMM Do YYYY, h:mm:ss a`.
// Source: momentjs.com/docs/#/displaying/format; names and abbreviations are the English ones.

/** A date as a clock on the wall of a time zone shows it. */
interface WallClock {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly ms: number;
  readonly offsetMinutes: number;
  readonly timestampMs: number;
}

const months = "January February March April May June July August September October November December".split(" ");
const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const dayMs = 24 * 3_600_000;

const long: Readonly<Record<string, string>> = {
  LTS: "h:mm:ss A",
  LT: "h:mm A",
  LLLL: "dddd, MMMM D, YYYY h:mm A",
  LLL: "MMMM D, YYYY h:mm A",
  LL: "MMMM D, YYYY",
  L: "MM/DD/YYYY",
  llll: "ddd, MMM D, YYYY h:mm A",
  lll: "MMM D, YYYY h:mm A",
  ll: "MMM D, YYYY",
  l: "M/D/YYYY",
};

const tokens: Readonly<Record<string, (at: WallClock) => string>> = {
  YYYYYY: ({ year }) => `+${padded(year, 6)}`,
  YYYYY: ({ year }) => padded(year, 5),
  YYYY: ({ year }) => padded(year, 4),
  YY: ({ year }) => padded(year % 100, 2),
  Y: ({ year }) => String(year),
  yyyy: ({ year }) => padded(year, 4),
  yyy: ({ year }) => padded(year, 3),
  yy: ({ year }) => padded(year, 2),
  yo: ({ year }) => ordinal(year),
  y: ({ year }) => String(year),
  NNNNN: () => "AD",
  NNNN: () => "Anno Domini",
  NNN: () => "AD",
  NN: () => "AD",
  N: () => "AD",
  Qo: (at) => ordinal(quarter(at)),
  Q: (at) => String(quarter(at)),
  MMMM: ({ month }) => months[month - 1] ?? "",
  MMM: ({ month }) => (months[month - 1] ?? "").slice(0, 3),
  MM: ({ month }) => padded(month, 2),
  Mo: ({ month }) => ordinal(month),
  M: ({ month }) => String(month),
  DDDD: (at) => padded(dayOfYear(at), 3),
  DDDo: (at) => ordinal(dayOfYear(at)),
  DDD: (at) => String(dayOfYear(at)),
  DD: ({ day }) => padded(day, 2),
  Do: ({ day }) => ordinal(day),
  D: ({ day }) => String(day),
  dddd: (at) => days[weekday(at)] ?? "",
  ddd: (at) => (days[weekday(at)] ?? "").slice(0, 3),
  dd: (at) => (days[weekday(at)] ?? "").slice(0, 2),
  do: (at) => ordinal(weekday(at)),
  d: (at) => String(weekday(at)),
  e: (at) => String(weekday(at)),
  E: (at) => String(weekday(at) || 7),
  ww: (at) => padded(usWeek(at).week, 2),
  wo: (at) => ordinal(usWeek(at).week),
  w: (at) => String(usWeek(at).week),
  WW: (at) => padded(isoWeek(at).week, 2),
  Wo: (at) => ordinal(isoWeek(at).week),
  W: (at) => String(isoWeek(at).week),
  ggggg: (at) => padded(usWeek(at).year, 5),
  gggg: (at) => padded(usWeek(at).year, 4),
  gg: (at) => padded(usWeek(at).year % 100, 2),
  GGGGG: (at) => padded(isoWeek(at).year, 5),
  GGGG: (at) => padded(isoWeek(at).year, 4),
  GG: (at) => padded(isoWeek(at).year % 100, 2),
  A: ({ hour }) => (hour < 12 ? "AM" : "PM"),
  a: ({ hour }) => (hour < 12 ? "am" : "pm"),
  HH: ({ hour }) => padded(hour, 2),
  H: ({ hour }) => String(hour),
  hh: ({ hour }) => padded(hour % 12 || 12, 2),
  h: ({ hour }) => String(hour % 12 || 12),
  kk: ({ hour }) => padded(hour || 24, 2),
  k: ({ hour }) => String(hour || 24),
  mm: ({ minute }) => padded(minute, 2),
  m: ({ minute }) => String(minute),
  ss: ({ second }) => padded(second, 2),
  s: ({ second }) => String(second),
  ZZ: ({ offsetMinutes }) => offset(offsetMinutes, ""),
  Z: ({ offsetMinutes }) => offset(offsetMinutes, ":"),
  zz: () => "UTC",
  z: () => "UTC",
  X: ({ timestampMs }) => String(Math.floor(timestampMs / 1000)),
  x: ({ timestampMs }) => String(timestampMs),
};

/** What stands in brackets, a token, which after a backslash stands for itself, or any other sign. The longest token comes first. */
const parts = partsOf(Object.keys(tokens));
const longParts = partsOf(Object.keys(long));

function partsOf(names: readonly string[]): RegExp {
  const byLength = names.toSorted((one, other) => other.length - one.length).join("|");
  return new RegExp(`\\[[^[]*\\]|\\\\?(?:S{1,9}|${byLength}|.)`, "gsu");
}

/** The format that a date gets where none is written. */
export function isoFormat(timeZone: string): string {
  return isUtc(timeZone) ? "YYYY-MM-DDTHH:mm:ss[Z]" : "YYYY-MM-DDTHH:mm:ssZ";
}

/** Null when the date can be written so. */
export function dateFormatMistake(format: string, timeZone: string): string | null {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone });
  } catch {
    return `there is no time zone "${timeZone}"; it has to be a name such as UTC or Asia/Tokyo`;
  }
  if (!isUtc(timeZone) && (format.match(parts) ?? []).some((part) => part === "z" || part === "zz"))
    return "z is not known for other time zones than UTC; Z gives the offset";
  return null;
}

/** Takes what `dateFormatMistake` has nothing against. */
export function formatDate(date: Date, format: string, timeZone: string): string {
  const clock = wallClock(date, timeZone);
  // The long forms stand for others, and only then are the tokens read.
  const written = format.replace(longParts, (part) => (Object.hasOwn(long, part) ? (long[part] ?? part) : part));
  return written.replace(parts, (part) => {
    if (part.startsWith("[") && part.length > 1) return part.slice(1, -1);
    if (part.startsWith("\\")) return part.slice(1);
    if (/^S+$/.test(part)) return padded(clock.ms, 3).padEnd(9, "0").slice(0, part.length);
    return Object.hasOwn(tokens, part) ? (tokens[part]?.(clock) ?? part) : part;
  });
}

function isUtc(timeZone: string): boolean {
  return /^(?:etc\/)?(?:utc|uct|universal|zulu)$/i.test(timeZone);
}

function wallClock(date: Date, timeZone: string): WallClock {
  const formatted = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone, hourCycle: "h23", calendar: "gregory", numberingSystem: "latn" },
    ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
  }).formatToParts(date);
  const of = (type: string) => Number(formatted.find((part) => part.type === type)?.value);
  const timestampMs = date.getTime();
  const ms = date.getUTCMilliseconds();
  const clock = {
    ...{ year: of("year"), month: of("month"), day: of("day") },
    ...{ hour: of("hour"), minute: of("minute"), second: of("second"), ms },
  };
  const { year, month, day, hour, minute, second } = clock;
  const shownMs = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  return { ...clock, timestampMs, offsetMinutes: Math.round((shownMs - timestampMs) / 60_000) };
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

function ordinal(value: number): string {
  const isTeen = Math.floor((value % 100) / 10) === 1;
  const ending = isTeen ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${value}${ending}`;
}

function offset(minutes: number, between: string): string {
  const [sign, size] = [minutes < 0 ? "-" : "+", Math.abs(minutes)];
  return `${sign}${padded(Math.floor(size / 60), 2)}${between}${padded(size % 60, 2)}`;
}

function quarter({ month }: WallClock): number {
  return Math.ceil(month / 3);
}

/** Days since 1970 of the date that the clock shows. */
function dayNumber({ year, month, day }: Pick<WallClock, "year" | "month" | "day">): number {
  return Math.round(Date.UTC(year, month - 1, day) / dayMs);
}

function dayOfYear(at: WallClock): number {
  return dayNumber(at) - dayNumber({ year: at.year, month: 1, day: 1 }) + 1;
}

/** 0 is Sunday. */
function weekday(at: WallClock): number {
  return (((dayNumber(at) + 4) % 7) + 7) % 7;
}

interface Week {
  readonly year: number;
  readonly week: number;
}

/** Begins with Monday; the first one has the year's first Thursday. Source: ISO 8601. */
function isoWeek(at: WallClock): Week {
  return weekOf(dayNumber(at) - ((weekday(at) + 6) % 7) + 3);
}

/** Begins with Sunday; the first one has the year's first day, and so its first Saturday. */
function usWeek(at: WallClock): Week {
  return weekOf(dayNumber(at) - weekday(at) + 6);
}

/** The week is of the year in which its deciding day is. */
function weekOf(decidingDay: number): Week {
  const year = new Date(decidingDay * dayMs).getUTCFullYear();
  return { year, week: Math.floor((decidingDay - dayNumber({ year, month: 1, day: 1 })) / 7) + 1 };
}
