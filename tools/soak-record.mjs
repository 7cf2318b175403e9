// What `npm run soak` came to, as a file that is committed: it takes too long to be believed unseen.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { at, root } from "./paths.mjs";
import { seconds } from "./steps.mjs";
import { sumLine } from "./test-sum.mjs";

/** @typedef {{ at: string, commit: string, machine: string }} Circumstances */

/** @param {Circumstances} circumstances
 *  @param {{ name: string, ok: boolean, ms: number }[]} results
 *  @param {import("./vitest-step.mjs").Tally[]} tallies @param {import("./test-sum.mjs").Sum} sum */
export function soakRecord({ at: when, commit, machine }, results, tallies, sum) {
  const counts = new Map(tallies.map((tally) => [`${tally.name} tests`, sumLine(tally)]));
  const line = ({ name, ok, ms }) =>
    `${ok ? "ok  " : "FAIL"} ${name.padEnd(18)} ${seconds(ms).padStart(9)}  ${counts.get(name) ?? ""}`.trimEnd();
  const tiers = results.filter(({ name, ok }) => counts.has(name) || !ok);
  return [
    `npm run soak, ${when}, commit ${commit}, ${machine}`,
    "",
    ...tiers.map(line),
    "",
    sumLine(sum),
    "",
  ].join("\n");
}

/** Written by the run itself, failed or not. */
export function writeSoakRecord(results, tallies, sum) {
  const git = (...args) => execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain") ? " and changes" : "";
  const circumstances = {
    at: new Date().toISOString().slice(0, 16),
    commit: git("rev-parse", "--short", "HEAD") + changed,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}, Linux ${release()}, Node ${process.version}`,
  };
  writeFileSync(at("bench/results/soak.txt"), soakRecord(circumstances, results, tallies, sum));
}
