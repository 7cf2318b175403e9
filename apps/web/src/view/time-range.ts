/**
 * The time a page looks at: live, the last so much, or a fixed stretch; its text in the URL, and what it
 * comes to now. No clock here: now is an argument.
 */
export type TimeChoice =
  | { readonly kind: "live" }
  | { readonly kind: "last"; readonly ms: number }
  | { readonly kind: "fixed"; readonly from: number; readonly to: number };
export type Range = { readonly from: number; readonly to: number };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const LIVE_MS = 5 * MINUTE;
export const LIVE: TimeChoice = { kind: "live" };

export const PRESETS: readonly { text: string; title: string; ms: number }[] = [
  { text: "5m", title: "Last 5 minutes", ms: 5 * MINUTE },
  { text: "15m", title: "Last 15 minutes", ms: 15 * MINUTE },
  { text: "1h", title: "Last hour", ms: HOUR },
  { text: "6h", title: "Last 6 hours", ms: 6 * HOUR },
  { text: "24h", title: "Last 24 hours", ms: DAY },
  { text: "7d", title: "Last 7 days", ms: 7 * DAY },
  { text: "30d", title: "Last 30 days", ms: 30 * DAY },
];

/** Beyond it the API takes no time. */
export const LAST_MS = 4_102_444_800_000;
/** Why two instants are no stretch of time; null when they are. */
export function fixedProblem(from: number, to: number): string | null {
  if (Number.isNaN(from) || Number.isNaN(to)) return "Both need a day and a time";
  if (from >= to) return "“From” must be before “to”";
  return from < 0 || to > LAST_MS ? "Only times from 1970 to 2099" : null;
}

/** With its zone: without one an address would mean another time to each of its readers, and to the server. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;
const instantOf = (text: string): number => (INSTANT.test(text) ? Date.parse(text) : Number.NaN);

/** `live`, `15m`, or two instants: `2026-11-23T10:00:00.000Z..2026-11-23T11:00:00.000Z` */
export function parseTimeChoice(text: string): TimeChoice | null {
  if (text === "live") return LIVE;
  const preset = PRESETS.find((p) => p.text === text);
  if (preset) return { kind: "last", ms: preset.ms };
  const [from, to, ...more] = text.split("..").map(instantOf);
  if (from === undefined || to === undefined || more.length > 0 || fixedProblem(from, to)) return null;
  return { kind: "fixed", from, to };
}

export function timeChoiceText(choice: TimeChoice): string {
  if (choice.kind === "live") return "live";
  if (choice.kind === "last") return PRESETS.find((p) => p.ms === choice.ms)?.text ?? "5m";
  return `${new Date(choice.from).toISOString()}..${new Date(choice.to).toISOString()}`;
}

export const sameChoice = (a: TimeChoice, b: TimeChoice): boolean => timeChoiceText(a) === timeChoiceText(b);
export const spanOf = (choice: TimeChoice): number =>
  choice.kind === "live" ? LIVE_MS : choice.kind === "last" ? choice.ms : choice.to - choice.from;

/**
 * How often a moving range moves on. Charts of a month needn't be asked for every five seconds, and server
 * and browser, rounding alike, ask the same question and so share its answer.
 */
export function stepOf(choice: TimeChoice): number {
  if (choice.kind === "fixed") return DAY;
  const span = spanOf(choice);
  if (span <= 5 * MINUTE) return 5000;
  if (span <= 15 * MINUTE) return 10_000;
  if (span <= HOUR) return 30_000;
  if (span <= 6 * HOUR) return MINUTE;
  return span <= DAY ? 5 * MINUTE : 30 * MINUTE;
}

export function resolve(choice: TimeChoice, now: number): Range {
  if (choice.kind === "fixed") return { from: choice.from, to: choice.to };
  const step = stepOf(choice);
  const to = Math.floor(now / step) * step;
  return { from: to - spanOf(choice), to };
}

/** As a phrase: “in the last 5 minutes”. */
export function rangePhrase(choice: TimeChoice): string {
  if (choice.kind === "fixed") return "in the chosen time";
  const title = PRESETS.find((p) => p.ms === spanOf(choice))?.title ?? "time shown";
  return `in the ${title.toLowerCase()}`;
}
