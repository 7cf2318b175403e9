/** Reads what was typed into the retention form, and tells whether it would drop data that is there. */
import type { Retention, RetentionView } from "@millrace/contract/setting";
import { bytes, parseBytes, text } from "@millrace/contract/units";

const DAY_MS = 86_400_000;
/** The contract's own limits, in words. */
const LIMITS = { rawDays: [1, 365], rollupDays: [1, 3650], rawBytes: [100_000_000, 100e12] } as const;

export type ReadRetention = { ok: true; settings: Retention } | { ok: false; problem: string };
const within = (n: number, [least, most]: readonly [number, number]): boolean => n >= least && n <= most;

export function readRetention(typed: Record<keyof Retention, string>): ReadRetention {
  const rawDays = Number(typed.rawDays);
  const rollupDays = Number(typed.rollupDays);
  const rawBytes = parseBytes(typed.rawBytes.trim());
  if (!Number.isInteger(rawDays) || !within(rawDays, LIMITS.rawDays))
    return { ok: false, problem: `Flows are kept for ${LIMITS.rawDays.join(" to ")} whole days` };
  if (rawBytes === undefined) return { ok: false, problem: `“${typed.rawBytes}” is not a size like 20GB` };
  if (!within(rawBytes, LIMITS.rawBytes)) {
    const [least, most] = LIMITS.rawBytes;
    return { ok: false, problem: `The size is between ${text(bytes(least))} and ${text(bytes(most))}` };
  }
  if (!Number.isInteger(rollupDays) || !within(rollupDays, LIMITS.rollupDays))
    return { ok: false, problem: `Rollups are kept for ${LIMITS.rollupDays.join(" to ")} whole days` };
  return { ok: true, settings: { rawDays, rollupDays, rawBytes: Math.round(rawBytes) } };
}

export function losesData(view: RetentionView, next: Retention, now = Date.now()): boolean {
  const tooOld = view.oldestMs !== null && now - view.oldestMs > next.rawDays * DAY_MS;
  return view.usedBytes > next.rawBytes || tooOld || next.rollupDays < view.settings.rollupDays;
}
