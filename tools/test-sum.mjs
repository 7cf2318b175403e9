// The sum that `npm test` ends with. A step that is no test run counts as one failure when it fails, so that
// the last line can't say 0 beside a broken build.

/** @typedef {{ passed: number, failed: number, skipped: number }} Sum */

/** @param {{ name: string, ok: boolean }[]} results @param {import("./vitest-step.mjs").Tally[]} tallies
 *  @returns {Sum} */
export function sumOf(results, tallies) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const tally of tallies) {
    sum.passed += tally.passed;
    sum.failed += tally.failed;
    sum.skipped += tally.skipped;
  }
  const counted = new Set(tallies.map((tally) => `${tally.name} tests`));
  sum.failed += results.filter((result) => !result.ok && !counted.has(result.name)).length;
  return sum;
}

/** @param {Sum} sum */
export const sumLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`;
