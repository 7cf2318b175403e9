import { expect, test } from "vitest";
import {
  type Answer,
  answerLine,
  type Counted,
  calibrationOf,
  findingsOf,
  largestDifference,
  readAnswer,
  readLoops,
  readSamples,
  spreadOf,
} from "./counts.ts";

const of = (median: number) => ({
  least: median,
  lowerQuartile: median,
  median,
  upperQuartile: median,
  most: median,
});
const counted = (name: string, rr: number, crr: number): Counted => ({
  ...{ name, what: name.toUpperCase(), rr: of(rr), crr: of(crr) },
});
const answer = (...all: Counted[]): Answer => ({
  machine: { kernel: "6.12", commandLine: "quiet", clocksource: "tsc", mitigations: {}, bpfJit: "1" },
  calibration: { instructions: 200_000, counter: 200_000, clock: 200_001 },
  counted: all,
});
const measured = (what: string, findings: ReturnType<typeof findingsOf>) =>
  findings.find((finding) => finding.what.startsWith(what))?.measured;

test("the answer is found among what the kernel says on the same console", () => {
  const given = answer(counted("limit", 1, 2));
  expect(readAnswer(`[1.2] random: {}\n${answerLine(given)}\n[9.9] reboot\n`)).toEqual(given);
  expect(() => readAnswer("Kernel panic")).toThrow("Kernel panic");
});

test("what isn't a sample is no sample", () => {
  expect(readSamples("3\n1\n2\n")).toEqual([3, 1, 2]);
  for (const printed of ["", "3\nno such file\n", "0\n", "1.5"])
    expect(() => readSamples(printed)).toThrow("no samples");
});

test("the median isn't moved by the few samples that an interrupt was in", () => {
  const samples = [...Array(90).fill(700), ...Array(10).fill(9000)];
  expect(spreadOf(samples)).toEqual({ ...of(700), most: 9000 });
});

test("a calibration is the difference of two loops, each the least of its samples", () => {
  const [short, long] = [readLoops("2031 2100\n2030 2101\n"), readLoops("202030 202101\n209999 210000\n")];
  expect(calibrationOf(200_000, short, long)).toEqual({
    ...{ instructions: 200_000, counter: 200_000, clock: 200_001 },
  });
});

test("each way is told with what it adds to the limit and as a ratio to it", () => {
  const all = answer(counted("limit", 1000, 10_000), counted("same", 1500, 9000));
  const findings = findingsOf(all, all);
  expect(measured("LIMIT", findings)).toBe("rr 1,000; crr 10,000");
  expect(measured("SAME", findings)).toBe("rr 1,500 (+500, 1.50 ×); crr 9,000 (−1,000, 0.90 ×)");
});

test("what Millrace adds is compared with what a peer adds, where that was counted", () => {
  const all = answer(
    counted("limit", 1000, 10_000),
    counted("ovs-ct", 2000, 20_000),
    counted("same", 1500, 12_500),
  );
  const findings = findingsOf(all, all);
  expect(measured("SAME: what it adds, of what is added by OVS-CT", findings)).toBe("rr 0.50, crr 0.25");
  expect(findings.filter(({ what }) => what.includes("what it adds"))).toHaveLength(1);
});

test("two boots differ by the largest difference of a median, exchanges and connections apart", () => {
  const first = [counted("limit", 1000, 10_000), counted("same", 1500, 12_000)];
  const second = [counted("limit", 1000, 10_010), counted("same", 1503, 12_000)];
  expect(largestDifference(first, second, "rr")).toBeCloseTo(0.002);
  expect(largestDifference(first, second, "crr")).toBeCloseTo(0.001);
  expect(() => largestDifference(first, [counted("other", 1, 1)], "rr")).toThrow("other wasn't counted");
});
