// The kernel as a whole: features, grace periods, clocks, the bpffs, run-time statistics, what exists. Stateless but
// for the statistics' handle.
import * as args from "./args.ts";
import { binding } from "./binding.ts";

export const FEATURES = [
  "btf",
  "ringbuf",
  "batch",
  "tcx",
  "tc",
  "xdp",
  "netkit",
  "tracing",
  "raw_tracepoint",
  "fentry",
  "lsm",
  "iter",
  "kprobe",
  "uprobe",
  "sockops",
  "cgroup_link",
  "bpf_cast_to_kern_ctx",
  "run_stats",
  "netns_cookie",
  "conntrack",
] as const;
export type Feature = (typeof FEATURES)[number];

/** Tries it out with a tiny program or link and undoes it; the reason is what the kernel answered. Not cached. */
export function isSupported(feature: Feature): { supported: boolean; reason?: string } {
  return binding.probeFeature(args.oneOf(feature, "isSupported feature", FEATURES));
}

/**
 * Returns after every BPF program that was running when it was called has finished. Blocks for some milliseconds.
 * membarrier(GLOBAL), or, where nohz_full forbids that, the grace period of replacing a map in a map.
 */
export function rcuBarrier(): void {
  binding.rcuBarrier();
}

/** Nothing when a bpffs is there already. */
export function mountBpffs(path: string): void {
  binding.mountBpffs(args.text(path, "mountBpffs path"));
}

/** Until this process ends no other may hold it too; false when another does. A bpffs's directory will do. */
export function holdDirectory(path: string): boolean {
  return binding.holdDirectory(args.text(path, "holdDirectory path"));
}

/** Turns run-time statistics on, for the whole machine, until close(): they cost on each program's run. */
export function runStats(): { close(): void } {
  return new binding.RunStats();
}

export function clock(): { bootNs: bigint; monotonicNs: bigint; realtimeNs: bigint } {
  return binding.clock();
}

export function listPrograms(): { id: number; name: string; type: string }[] {
  return binding.listPrograms();
}

export function listMaps(): { id: number; name: string; type: string }[] {
  return binding.listMaps();
}

export function listLinks(): { id: number; type: string; progId: number }[] {
  return binding.listLinks();
}

export function libbpfVersion(): string {
  return binding.libbpfVersion;
}
