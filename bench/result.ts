/** How every benchmark writes down what it found: machine, kernel, command and method beside the figures. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { at } from "../tools/paths.mjs";

export type Ratio = { median: number; lowerQuartile: number; upperQuartile: number; pairs: number };

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;

const round = (n: number): number => Number(n.toPrecision(4));

/** The median of the paired ratios first ÷ second, with its spread. */
export function ratioOf(pairs: readonly (readonly [number, number])[]): Ratio {
  const sorted = pairs.map(([a, b]) => a / b).sort((a, b) => a - b);
  return {
    median: round(quantile(sorted, 0.5)),
    lowerQuartile: round(quantile(sorted, 0.25)),
    upperQuartile: round(quantile(sorted, 0.75)),
    pairs: pairs.length,
  };
}

export const percentile = (values: readonly number[], q: number): number =>
  round(
    quantile(
      [...values].sort((a, b) => a - b),
      q,
    ),
  );

export function writeResult(name: string, result: Record<string, unknown>): void {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: at("."),
    encoding: "utf8",
  }).trim();
  const full = {
    name,
    at: new Date().toISOString(),
    commit,
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    node: process.version,
    command: `node --import tsx bench/${name}.ts`,
    ...result,
  };
  mkdirSync(at("bench/results"), { recursive: true });
  writeFileSync(at(`bench/results/${name}.json`), `${JSON.stringify(full, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(full, null, 2)}\n`);
}
