/**
 * Counts of instructions as the virtual machine prints them, and what follows from them: arithmetic and words. Nothing
 * here runs anything.
 */
import type { Finding } from "../result.ts";

export type Spread = {
  least: number;
  lowerQuartile: number;
  median: number;
  upperQuartile: number;
  most: number;
};
/** rr: a byte there and back on one connection; crr: connect, accept, that, close. */
export type Counted = { name: string; what: string; rr: Spread; crr: Spread };
/** What a loop of so many instructions took by both clocks. */
export type Calibration = { instructions: number; counter: number; clock: number };
export type Answer = {
  machine: {
    kernel: string;
    commandLine: string;
    clocksource: string;
    /** The kernel's own words, of what it takes the processor to be affected by. */
    mitigations: Record<string, string>;
    bpfJit: string;
  };
  calibration: Calibration;
  counted: Counted[];
  /** Of one run of pod_egress between pods of one host. */
  tiers?: { fast: number; slow: number; empty: number };
};

export const LIMIT = "limit";
const MARK = "instructions: ";

export const answerLine = (answer: Answer): string => `${MARK}${JSON.stringify(answer)}`;

/** Among whatever else was said on the console. */
export function readAnswer(output: string): Answer {
  const line = output.split("\n").find((text) => text.startsWith(MARK));
  if (!line) throw new Error(`the virtual machine gave no counts:\n${output.slice(-5000)}`);
  return JSON.parse(line.slice(MARK.length)) as Answer;
}

/** As bench/traffic's program prints them, one a line. */
export function readSamples(printed: string): number[] {
  const samples = printed.trim().split("\n").map(Number);
  if (samples.some((sample) => !Number.isSafeInteger(sample) || sample <= 0))
    throw new Error(`no samples: ${printed.slice(0, 200)}`);
  return samples;
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  return {
    least: at(0),
    lowerQuartile: at(0.25),
    median: at(0.5),
    upperQuartile: at(0.75),
    most: at(1),
  };
}

/** Two loops, one so many instructions longer: what surrounds a loop is in both. */
export function calibrationOf(instructions: number, short: Clocks, long: Clocks): Calibration {
  return { instructions, counter: long.counter - short.counter, clock: long.clock - short.clock };
}
export type Clocks = { counter: number; clock: number };

/** The least of each: those that no interrupt was in. */
export function readLoops(printed: string): Clocks {
  const lines = printed.trim().split("\n");
  const least = (column: number) => Math.min(...lines.map((line) => Number(line.split(" ")[column])));
  return { counter: least(0), clock: least(1) };
}

type Measure = "rr" | "crr";
const MEASURES: readonly Measure[] = ["rr", "crr"];
const grouped = (n: number): string => n.toLocaleString("en-US");
const factor = (n: number): string => n.toFixed(n < 10 ? 2 : 0);

const named = (counted: readonly Counted[], name: string): Counted => {
  const found = counted.find((one) => one.name === name);
  if (!found) throw new Error(`${name} wasn't counted`);
  return found;
};

function line(one: Counted, limit: Counted): Finding {
  const shown = MEASURES.map((measure) => {
    const [own, base] = [one[measure].median, limit[measure].median];
    if (one === limit) return `${measure} ${grouped(own)}`;
    const more = own - base;
    return `${measure} ${grouped(own)} (${more < 0 ? "−" : "+"}${grouped(Math.abs(more))}, ${factor(own / base)} ×)`;
  });
  return { what: one.what, measured: shown.join("; ") };
}

/** What one adds to the limit, over what another adds: those that were counted. */
function versus(counted: readonly Counted[], ours: string, peers: readonly string[]): Finding[] {
  const limit = named(counted, LIMIT);
  const own = counted.find(({ name }) => name === ours);
  if (!own) return [];
  return counted
    .filter(({ name }) => peers.includes(name))
    .map((peer) => ({
      what: `${own.what}: what it adds, of what is added by ${peer.what}`,
      measured: MEASURES.map((measure) => {
        const [a, b] = [own, peer].map((one) => one[measure].median - limit[measure].median) as [
          number,
          number,
        ];
        return `${measure} ${factor(a / b)}`;
      }).join(", "),
    }));
}

/** The largest of the medians' differences between two runs, as a share. */
export function largestDifference(
  first: readonly Counted[],
  second: readonly Counted[],
  measure: Measure,
): number {
  const shares = second.map((again) => {
    const before = named(first, again.name)[measure].median;
    return Math.abs(again[measure].median - before) / before;
  });
  return Math.max(...shares);
}

/** Ours with the peers that do as much. */
const VERSUS: readonly (readonly [string, readonly string[]])[] = [
  ["netkit-redirect", ["veth-redirect"]],
  ["same", ["veth-redirect", "bridge", "nftables", "ovs-kernel", "ovs-ct"]],
  ["service", ["iptables", "ipvs-1", "ipvs-10000"]],
  ["connect", ["iptables", "ipvs-1", "ipvs-10000"]],
  ["direct", ["routing2"]],
  ["overlay", ["vxlan", "ovs-vxlan"]],
  ["same-netkit", ["same"]],
  ["direct-netkit", ["direct"]],
  ["overlay-netkit", ["overlay"]],
];

export function findingsOf({ calibration, counted, tiers }: Answer, again: Answer): Finding[] {
  const limit = named(counted, LIMIT);
  const differences = MEASURES.map(
    (measure) => `${measure} ${(100 * largestDifference(counted, again.counted, measure)).toFixed(3)} %`,
  );
  return [
    ...counted.map((one) => line(one, limit)),
    ...VERSUS.flatMap(([ours, peers]) => versus(counted, ours, peers)),
    ...(tiers
      ? [
          {
            what: "pod to pod of one host, one packet through pod_egress, no stack: fast path, slow path, empty program",
            measured: `fast ${tiers.fast}, slow ${tiers.slow}, empty ${tiers.empty}`,
          },
        ]
      : []),
    {
      what: `calibration: a loop of ${grouped(calibration.instructions)} instructions`,
      measured: `${grouped(calibration.counter)} by the time-stamp counter, ${grouped(calibration.clock)} by the monotonic clock`,
    },
    {
      what: `the same in a second boot (${again.counted.map(({ name }) => name).join(", ")}): the largest difference of a median`,
      measured: differences.join(", "),
    },
  ];
}

/** What was done, and what such a number is and isn't. */
export function methodOf({ machine }: Answer, exchanges: number): string {
  const mitigations = Object.entries(machine.mitigations).map(([name, state]) => `${name}: ${state}`);
  return [
    `Linux ${machine.kernel} in QEMU, emulated, on one processor whose clock goes on by a nanosecond an instruction: so its time-stamp counter counts instructions, the kernel's and the program's, whatever else this machine does (calibration and repetition in the table; clocksource ${machine.clocksource})`,
    `${exchanges} exchanges and a quarter as many connections, each counted by itself after 200 to warm up; medians, the spread in the file; in brackets what is more than the bare pair's, and the ratio to it. rr: a byte there and back on one TCP connection; crr: connect, accept, that, close. Both ends in one process, so that no scheduler is in it: what a way adds is a larger share than of an exchange between two. One way at a time; Millrace's tables filled by hand, no agent`,
    "It says how much work a way is, not how long it takes: no cache and no branch is missed, a locked add counts like a plain one, no other processor, queue or device takes part, and what happens seldom (timers, freeing after a grace period) is in few samples and in no median",
    `The emulated processor is QEMU's "max" without fast string instructions, of which the emulator would count each turn; no path here encrypts, and sums and hashes are the kernel's plain code. Mitigations as the kernel chose them (${mitigations.join("; ") || "none"}); BPF JIT ${machine.bpfJit}; command line: ${machine.commandLine}`,
  ].join(". ");
}
