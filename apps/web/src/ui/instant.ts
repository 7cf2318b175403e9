/**
 * Instants and spans of time as people read them. Quantities are formatted by contract/units; this is their
 * counterpart for the clock. `utc` is for the server's first rendering, which can't know the reader's zone.
 */
const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`);
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

type Parts = { y: number; mo: number; d: number; h: number; mi: number; s: number; ms: number };
function partsOf(at: number, utc: boolean): Parts {
  // Shifting by the zone and reading UTC fields is the cheap way to both.
  const shift = utc ? 0 : new Date(at).getTimezoneOffset() * 60_000;
  const date = new Date(at - shift);
  return {
    y: date.getUTCFullYear(),
    mo: date.getUTCMonth(),
    d: date.getUTCDate(),
    h: date.getUTCHours(),
    mi: date.getUTCMinutes(),
    s: date.getUTCSeconds(),
    ms: date.getUTCMilliseconds(),
  };
}

/** `10:42:07.1`; digits: of the second's fraction. */
export function clockText(at: number, utc = false, digits: 0 | 1 | 3 = 0): string {
  const p = partsOf(at, utc);
  const clock = `${two(p.h)}:${two(p.mi)}:${two(p.s)}`;
  return digits === 0 ? clock : `${clock}.${`${p.ms}`.padStart(3, "0").slice(0, digits)}`;
}
/** `23 Nov 10:42`; of another year than now, with it. */
export function dayText(at: number, now: number, utc = false): string {
  const p = partsOf(at, utc);
  const year = p.y === partsOf(now, utc).y ? "" : ` ${p.y}`;
  return `${p.d} ${MONTHS[p.mo]}${year} ${two(p.h)}:${two(p.mi)}`;
}
/** The clock alone where only today can be meant, else the day with it. */
export function momentText(at: number, now: number, utc = false, digits: 0 | 1 = 0): string {
  const [p, today] = [partsOf(at, utc), partsOf(now, utc)];
  const isToday = p.y === today.y && p.mo === today.mo && p.d === today.d;
  return isToday ? clockText(at, utc, digits) : dayText(at, now, utc);
}
/** `23 Nov 10:42 – 23 Nov 11:42 UTC+1`; both zones where summer time begins or ends between. */
export function spanOfText(from: number, to: number, now: number, utc = false): string {
  const [before, after] = [zoneText(from, utc), zoneText(to, utc)];
  const first = before === after ? "" : ` ${before}`;
  return `${dayText(from, now, utc)}${first} – ${dayText(to, now, utc)} ${after}`;
}
/** `23 Nov 2026 10:42:07 UTC+1` */
export function fullText(at: number, utc = false, clock = clockText(at, utc)): string {
  const p = partsOf(at, utc);
  return `${p.d} ${MONTHS[p.mo]} ${p.y} ${clock} ${zoneText(at, utc)}`;
}
export function zoneText(at: number, utc = false): string {
  const minutes = utc ? 0 : -new Date(at).getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${two(size % 60)}` : "";
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`;
}

const SPANS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** `3h 12m`, `45s`, `120ms`: the two largest units at most. */
export function spanText(ms: number): string {
  if (ms < 1) return "<1ms";
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const at = SPANS.findIndex(([, size]) => ms >= size);
  const [unit, size] = SPANS[at] as (typeof SPANS)[number];
  const whole = Math.floor(ms / size);
  const next = SPANS[at + 1];
  const rest = next ? Math.floor((ms % size) / next[1]) : 0;
  return rest && next ? `${whole}${unit} ${rest}${next[0]}` : `${whole}${unit}`;
}
export function ageText(at: number, now: number): string {
  const ms = now - at;
  return ms < 1000 ? "now" : `${spanText(ms)} ago`;
}

const WEEK_S = 604_800;
const STEPS_S = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800],
  ...[WEEK_S, 2 * WEEK_S, 4 * WEEK_S, 13 * WEEK_S, 52 * WEEK_S, 520 * WEEK_S],
];

/** Round instants of the reader's zone between two others, at most `most` of them. */
export function timeTicks(from: number, to: number, most: number, utc = false): number[] {
  const wanted = (to - from) / Math.max(most, 1);
  const step = (STEPS_S.find((s) => s * 1000 >= wanted) ?? (STEPS_S.at(-1) as number)) * 1000;
  const shiftAt = (at: number) => (utc ? 0 : new Date(at).getTimezoneOffset() * 60_000);
  const shift = shiftAt(from);
  const ticks: number[] = [];
  for (let local = Math.ceil((from - shift) / step) * step; ticks.length <= most; local += step) {
    // Of its own instant: summer time may begin or end on the way.
    const at = local + shiftAt(local + shift);
    if (at > to) break;
    if (at >= from) ticks.push(at);
  }
  return ticks;
}

const DAY_MS = 86_400_000;
/** As short as the span allows: seconds for minutes, days for weeks. A day begins with its name. */
export function tickText(at: number, span: number, utc = false): string {
  const p = partsOf(at, utc);
  const day = `${p.d} ${MONTHS[p.mo]}`;
  if (span > 300 * DAY_MS) return `${day} ${p.y}`;
  if (p.h === 0 && p.mi === 0 && p.s === 0) return day;
  if (span > 2 * DAY_MS) return `${day} ${two(p.h)}:${two(p.mi)}`;
  return span <= 15 * 60_000 ? clockText(at, utc) : clockText(at, utc).slice(0, 5);
}
