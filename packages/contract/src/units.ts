/**
 * Numbers as people read them: the only home of unit formatting and of parsing what people type. Returns
 * number and unit apart, so that the dashboard can dim the unit.
 */
export type Quantity = { value: string; unit: string };

const digits = (n: number): string => {
  const size = Math.abs(n);
  if (size !== 0 && size < 10) return n.toFixed(size < 1 ? 2 : 1).replace(/\.?0+$/, "");
  return Math.round(n).toString();
};

function scaled(n: number, step: number, units: readonly string[]): Quantity {
  let at = 0;
  let rest = n;
  while (Math.abs(rest) >= step && at < units.length - 1) {
    rest /= step;
    at++;
  }
  return { value: digits(rest), unit: units[at] as string };
}

export const bytes = (n: number): Quantity => scaled(n, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]);
export const bytesPerSecond = (n: number): Quantity => {
  const q = bytes(n);
  return { value: q.value, unit: `${q.unit}/s` };
};
export const count = (n: number): Quantity => scaled(n, 1000, ["", "k", "M", "G", "T"]);
/** Every digit, in groups of three: 12,480. */
export const grouped = (n: number): string => n.toLocaleString("en-US");
export const perSecond = (n: number): Quantity => {
  const q = count(n);
  return { value: q.value, unit: `${q.unit}/s` };
};
export const microseconds = (n: number): Quantity => {
  if (n < 1000) return { value: digits(n), unit: "µs" };
  if (n < 1_000_000) return { value: digits(n / 1000), unit: "ms" };
  return { value: digits(n / 1_000_000), unit: "s" };
};
export const percent = (share: number): Quantity => ({
  value: share === 1 ? "100" : (Math.floor(share * 1000) / 10).toString(),
  unit: "%",
});
export const text = (q: Quantity): string => (q.unit ? `${q.value} ${q.unit}` : q.value);

const DURATION_US: Record<string, number> = {
  us: 1,
  µs: 1,
  ms: 1000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};
/** `5ms`, `1.5s`, `90m` → microseconds; undefined when it isn't one. */
export function parseDuration(input: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d)$/.exec(input);
  return match ? Number(match[1]) * (DURATION_US[match[2] as string] as number) : undefined;
}
const BYTES: Record<string, number> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  kib: 1024,
  mib: 1048576,
  gib: 1073741824,
};
/** `1500`, `41kB`, `2MiB` → bytes; undefined when it isn't one. */
export function parseBytes(input: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(input);
  const factor = match && BYTES[(match[2] as string).toLowerCase()];
  return match && factor !== undefined && factor !== null ? Number(match[1]) * factor : undefined;
}
