/**
 * What a lab says of itself: the shape that `status -o json` prints and the control socket carries. Agents
 * are configured from it: a host's netns path and runc root are an agent's flags.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { z } from "zod";
import { FAULT_NAMES } from "./fault.ts";

const ContainerStatus = z.object({
  name: z.string(),
  /** Empty, and pid 0, while the container is down. */
  id: z.string(),
  pid: z.number(),
  cgroup: z.string(),
  /** The inode of the cgroup v2 directory, as sockets carry it; 0 where there is none. */
  cgroupId: z.number(),
  restarts: z.number(),
  /** What the program inside counts of its own work; empty for programs that aren't the shop's. */
  report: z.record(z.string(), z.number()),
});
const PodStatus = z.object({
  name: z.string(),
  namespace: z.string(),
  labels: z.record(z.string(), z.string()),
  netns: z.string(),
  ip4: z.string(),
  ip6: z.string(),
  mac: z.string(),
  device: z.string(),
  hostDevice: z.string(),
  containers: z.array(ContainerStatus),
});
const HostStatus = z.object({
  name: z.string(),
  netns: z.string(),
  runcRoot: z.string(),
  /** Where the lab asks for the host's pods to be wired; null: by the kernel's bridge. */
  cniSocket: z.string().nullable(),
  uplink: z.object({ device: z.string(), ip4: z.string(), ip6: z.string() }),
  podNetwork4: z.string(),
  podNetwork6: z.string(),
  pods: z.array(PodStatus),
});
const FaultStatus = z.object({
  name: z.enum(FAULT_NAMES),
  title: z.string(),
  where: z.string(),
  on: z.boolean(),
  expects: z.object({ reason: z.string().optional(), symptom: z.string() }),
});
export const LabStatus = z.object({
  name: z.string(),
  stateDirectory: z.string(),
  pid: z.number(),
  ratePerSecond: z.number(),
  /** All that was asked for runs; false while it comes up. */
  filled: z.boolean(),
  faults: z.array(FaultStatus),
  hosts: z.array(HostStatus),
});

export type LabStatus = z.infer<typeof LabStatus>;
export type HostStatus = z.infer<typeof HostStatus>;
export type PodStatus = z.infer<typeof PodStatus>;
export type ContainerStatus = z.infer<typeof ContainerStatus>;
export type FaultStatus = z.infer<typeof FaultStatus>;

const Report = z.record(z.string(), z.number());

const REPORT_LIMIT_BYTES = 64 * 1024;

/** A report is written by a program in a container: whatever is in its place, the status stays whole and comes. */
export function readReport(file: string): Record<string, number> {
  let handle: number | undefined;
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const text = Buffer.alloc(REPORT_LIMIT_BYTES);
    return Report.parse(JSON.parse(text.toString("utf8", 0, readSync(handle, text))));
  } catch {
    return {};
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

export const statusText = (status: LabStatus): string => {
  const lines = [
    `lab ${status.name}: ${status.hosts.length} hosts, ${status.ratePerSecond} requests/s, process ${status.pid}`,
  ];
  for (const host of status.hosts) {
    lines.push(`${host.name}  ${host.uplink.ip4}  ${host.netns}`);
    for (const pod of host.pods) {
      for (const container of pod.containers) {
        const id = container.id.slice(0, 12) || "down";
        const report = Object.entries(container.report).map(([name, value]) => `${name} ${value}`);
        lines.push(
          `  ${pod.name.padEnd(10)} ${container.name.padEnd(10)} ${pod.ip4.padEnd(14)} ${id.padEnd(12)} restarts ${container.restarts}  ${report.join(", ")}`.trimEnd(),
        );
      }
    }
  }
  const on = status.faults.filter((fault) => fault.on).map((fault) => fault.name);
  lines.push(`faults on: ${on.join(", ") || "none"}`);
  return lines.join("\n");
};
