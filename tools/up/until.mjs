// Waits for a condition that has no event: asks again and again, with an end.
import { setTimeout as delay } from "node:timers/promises";

/** @param {() => boolean | Promise<boolean>} isSo
 *  @param {{ what: string, ms: number, broken?: () => string | undefined, everyMs?: number }} options
 *  `broken` says that it will never be so, and why */
export async function until(isSo, { what, ms, broken = () => undefined, everyMs = 50 }) {
  const deadline = performance.now() + ms;
  for (;;) {
    if (await isSo()) return;
    const why = broken();
    if (why) throw new Error(why);
    if (performance.now() > deadline) throw new Error(`${what} is not ready after ${ms / 1000} s`);
    await delay(everyMs);
  }
}

/** Whether something answers well there. @param {string} url */
export async function answers(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000), redirect: "manual" })).ok;
  } catch {
    return false;
  }
}
