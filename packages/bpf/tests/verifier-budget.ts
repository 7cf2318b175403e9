/*
 * What the verifier has to look at for every program in every configuration. As a command
 * (`make -C packages/bpf verifier`) it writes bench/verifier.txt; verifier.kernel.test.ts compares with it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import {
  encodeTraceConfig,
  TRACE_CONFIG_SIZE,
  type TraceFilter,
  TraceKind,
} from "@millrace/abi/generated/trace";
import { openObject } from "@millrace/native/native";

export const BUDGET_FILE = new URL("../../../bench/verifier.txt", import.meta.url).pathname;
const RISE_ALLOWED = 1.05;

export interface Verified {
  object: string;
  configuration: string;
  program: string;
  instructions: number;
}

interface Configuration {
  object: string;
  name: string;
  variable: string;
  bytes: Uint8Array;
}

function observeConfig(name: string, breakCounter: number, netkit: number): Configuration {
  const bytes = new Uint8Array(OBSERVE_CONFIG_SIZE);
  const config = { abiHash: ABI_HASH, breakCounter, flowBudget: 32_768, netkit };
  encodeObserveConfig(config, new DataView(bytes.buffer));
  return { object: "observe", name, variable: "observe_config", bytes };
}

function traceConfig(
  object: string,
  kind: TraceKind,
  name: string,
  filter: Partial<TraceFilter>,
): Configuration {
  const bytes = new Uint8Array(TRACE_CONFIG_SIZE);
  const none = { addrA: new Uint8Array(16), addrB: new Uint8Array(16), portA: 0, portB: 0, proto: 0 };
  const full = { ...none, matchAddrA: 0, matchAddrB: 0, cgroupId: 0n, netnsCookie: 0n, ...filter };
  const leaseEndsNs = 1n << 62n;
  encodeTraceConfig({ kind, rateEps: 1000, leaseEndsNs, filter: full }, new DataView(bytes.buffer));
  return { object, name, variable: "trace_config", bytes };
}

const EVERYTHING: Partial<TraceFilter> = {
  ...{ matchAddrA: 1, matchAddrB: 1, portA: 1, portB: 2, proto: 6, cgroupId: 1n, netnsCookie: 1n },
};

const CONFIGURATIONS: Configuration[] = [
  observeConfig("as used", 0, 0),
  observeConfig("with netkit", 0, 1),
  observeConfig("broken on purpose", 1, 0),
  ...(["trace_drops", "trace_connections"] as const).flatMap((object) => {
    const kind = object === "trace_drops" ? TraceKind.DROPS : TraceKind.CONNECTIONS;
    return [
      traceConfig(object, kind, "no filter", {}),
      traceConfig(object, kind, "every filter", EVERYTHING),
    ];
  }),
];

/** Loads everything once; throws with the verifier's log when a program is refused. */
export function verifyAll(): Verified[] {
  return CONFIGURATIONS.flatMap((configuration) => {
    const path = new URL(`../build/${configuration.object}.bpf.o`, import.meta.url).pathname;
    const object = openObject(path);
    try {
      object.setRodata(".rodata", configuration.variable, configuration.bytes);
      object.load();
      return object.programs().map((program) => ({
        object: configuration.object,
        configuration: configuration.name,
        program,
        instructions: object.program(program).verifiedInstructions,
      }));
    } finally {
      object.close();
    }
  });
}

/** 6.18 of 6.18.44-…: the verifier's work is comparable within one of these. */
export function kernelSeries(): string {
  return release().split(".").slice(0, 2).join(".");
}

export function budgetText(verified: readonly Verified[]): string {
  const rows = verified.map(
    (v) =>
      `${v.object.padEnd(18)} ${v.configuration.padEnd(18)} ${v.program.padEnd(22)} ${String(v.instructions).padStart(8)}\n`,
  );
  return [
    "# Instructions the verifier looked at, by object, configuration and program. Its limit is 1,000,000.\n",
    "# Written by `make -C packages/bpf verifier`; a rise over 5 % fails the kernel tests and needs a sentence.\n",
    `kernel ${kernelSeries()}\n`,
    ...rows,
  ].join("");
}

/** What rose beyond the allowance, or isn't in the file; undefined when the file is of another kernel. */
export function overBudget(verified: readonly Verified[], text: string): string[] | undefined {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  if (lines[0] !== `kernel ${kernelSeries()}`) return undefined;
  const budget = new Map(lines.slice(1).map(splitRow));
  return verified.flatMap((v) => {
    const allowed = budget.get(`${v.object} ${v.configuration} ${v.program}`);
    const name = `${v.object}, ${v.configuration}, ${v.program}`;
    if (allowed === undefined) return [`${name}: not in the file`];
    return v.instructions <= allowed * RISE_ALLOWED ? [] : [`${name}: ${v.instructions}, was ${allowed}`];
  });
}

function splitRow(line: string): [string, number] {
  const cells = line.split(/\s{2,}|\s(?=\d+$)/).map((cell) => cell.trim());
  const instructions = Number(cells.at(-1));
  return [cells.slice(0, -1).join(" "), instructions];
}

export function readBudget(): string {
  return readFileSync(BUDGET_FILE, "utf8");
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  writeFileSync(BUDGET_FILE, budgetText(verifyAll()));
