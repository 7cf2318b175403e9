// The tests' BPF objects, built when they are older than their sources. Knows paths only.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Attach, isSupported } from "../lib/native.ts";

const PACKAGE = join(import.meta.dirname, "..");

// Several test processes may come here at once; make is not made for that.
execFileSync("flock", [join(PACKAGE, "Makefile"), "make", "-s", "-C", PACKAGE, "all", "test-fixtures"], {
  stdio: ["ignore", "inherit", "inherit"],
});

export const HAS_TCX = isSupported("tcx").supported;

/** By tcx, or on a kernel without it by a filter of classic tc. */
export function ingressOf(ifindex: number, netns?: string): Attach {
  const side = { ifindex, direction: "ingress", ...(netns === undefined ? {} : { netns }) } as const;
  return HAS_TCX ? { kind: "tcx", ...side } : { kind: "tc", handle: 1, ...side };
}

export function fixture(name: string): string {
  return join(PACKAGE, "build", "test", `${name}.bpf.o`);
}

export function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    out.writeUInt32LE(value, i * 4);
  });
  return out;
}

export function u64(...values: bigint[]): Buffer {
  const out = Buffer.alloc(values.length * 8);
  values.forEach((value, i) => {
    out.writeBigUInt64LE(value, i * 8);
  });
  return out;
}

/** Sum of one per-CPU u64. */
export function total(perCpu: Buffer | undefined): bigint {
  if (perCpu === undefined) throw new Error("no such element");
  let sum = 0n;
  for (let at = 0; at < perCpu.length; at += 8) sum += perCpu.readBigUInt64LE(at);
  return sum;
}

/** Waits for what must become true, and says what did not. */
export async function eventually(what: string, check: () => boolean, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
