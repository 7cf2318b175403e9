/**
 * What this kernel can do, each thing tried once and named, with the kernel's own words where it can't.
 * Says nothing about what the agent makes of it.
 */
import fs from "node:fs";
import type { Capability } from "@millrace/contract/agent-protocol";
import { BpfError, type Feature, isSupported } from "@millrace/native/native";

/** The agent can't work without these, and one of tcx and tc. */
export const REQUIRED: readonly Feature[] = ["btf", "ringbuf"];
const OPTIONAL: readonly Feature[] = [
  "tcx",
  "tc",
  "bpf_cast_to_kern_ctx",
  "batch",
  "tracing",
  "sockops",
  "cgroup_link",
  "iter",
  "fentry",
  "kprobe",
  "lsm",
  "netkit",
  "run_stats",
];

export function probe(): Capability[] {
  return [...[...REQUIRED, ...OPTIONAL].map(tried), kernelSymbols(), cgroup2()];
}

export const isCapable = (capabilities: readonly Capability[], name: string): boolean =>
  capabilities.some((capability) => capability.name === name && capability.supported);

function tried(name: Feature): Capability {
  try {
    const { supported, reason } = isSupported(name);
    return { name, supported, reason: supported ? null : (reason ?? "refused").slice(0, 300) };
  } catch (error) {
    const text = error instanceof BpfError ? `${error.op}: ${error.message}` : String(error);
    return { name, supported: false, reason: text.slice(0, 300) };
  }
}

/** Addresses of drops are shown as names only with these. */
function kernelSymbols(): Capability {
  const name = "kernel_symbols";
  try {
    const fd = fs.openSync("/proc/kallsyms", "r");
    const head = Buffer.alloc(16);
    fs.readSync(fd, head);
    fs.closeSync(fd);
    const hidden = /^0+$/.test(head.toString("latin1"));
    return { name, supported: !hidden, reason: hidden ? "kptr_restrict hides addresses" : null };
  } catch (error) {
    return { name, supported: false, reason: (error as Error).message.slice(0, 300) };
  }
}

/** The cgroup of version 2, which sockets are told apart by; where it is mounted differs. */
export function cgroup2Mount(mounts = fs.readFileSync("/proc/self/mounts", "utf8")): string | undefined {
  const line = mounts.split("\n").find((entry) => entry.split(" ")[2] === "cgroup2");
  return line?.split(" ")[1]?.replaceAll("\\040", " ");
}
function cgroup2(): Capability {
  const found = cgroup2Mount() !== undefined;
  return { name: "cgroup2", supported: found, reason: found ? null : "no cgroup2 is mounted" };
}
