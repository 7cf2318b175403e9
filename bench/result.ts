/** How every benchmark writes down what it found: machine, kernel, command and method beside the figures. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { at } from "../tools/paths.mjs";

const round = (n: number): number => Number(n.toPrecision(4));

/** One line of bench/README.md: what came out, against what was wanted. */
export type Finding = {
  what: string;
  /** Absent: nothing was promised. */
  goal?: string;
  measured: string;
  met?: boolean;
};
export type Result = { question: string; method: string; findings: readonly Finding[]; figures: unknown };
/** As it stands in bench/results. */
export type WrittenResult = Result & {
  name: string;
  at: string;
  commit: string;
  machine: string;
  kernel: string;
  node: string;
  /** Processes that wanted a core in the minute before: what else disturbed the machine. */
  loadBefore: number;
  command: string;
};

const loadBefore = round(loadavg()[0] ?? 0);

export type Ratio = { median: number; lowerQuartile: number; upperQuartile: number; pairs: number };

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;

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

export const shown = (ratio: Ratio): string =>
  `${ratio.median} (quartiles ${ratio.lowerQuartile} to ${ratio.upperQuartile}, ${ratio.pairs} pairs)`;

export function writeResult(name: string, result: Result): void {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: at("."),
    encoding: "utf8",
  }).trim();
  const full: WrittenResult = {
    name,
    at: new Date().toISOString(),
    commit,
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    node: process.version,
    loadBefore,
    command: ["node", "--import", "tsx", `bench/${name}.ts`, ...process.argv.slice(2, 3)].join(" "),
    ...result,
  };
  mkdirSync(at("bench/results"), { recursive: true });
  writeFileSync(at(`bench/results/${name}.json`), `${JSON.stringify(full, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(full, null, 2)}\n`);
}
