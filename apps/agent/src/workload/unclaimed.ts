/**
 * Network namespaces with processes that no runtime claims: found by looking through /proc, named by their
 * cgroup. Only when the agent looks after the whole machine; with runtimes named it looks at theirs alone.
 */
import type { Container } from "./container.ts";
import type { ProcessTable } from "./process.ts";

export function unclaimed(processes: ProcessTable, claimed: ReadonlySet<string>): Container[] {
  const first = new Map<string, number>();
  for (const pid of processes.pids()) {
    const netns = processes.netns(pid);
    if (netns && !claimed.has(netns) && !first.has(netns)) first.set(netns, pid);
  }
  return [...first.values()].map((pid) => describe(processes, pid)).filter((c) => c !== undefined);
}

function describe(processes: ProcessTable, pid: number): Container | undefined {
  const startTicks = processes.startTicks(pid);
  if (startTicks === undefined) return undefined;
  const cgroup = processes.cgroup(pid) ?? "/";
  const name = cgroup.split("/").filter(Boolean).at(-1) ?? `pid ${pid}`;
  return {
    ...{ runtime: "unknown", id: `pid-${pid}-${startTicks}`, pid, startTicks, name: name.slice(0, 253) },
    ...{ podName: null, podNamespace: null, isSandbox: false, image: null, startedAtMs: null, labels: {} },
    unknown: "no known runtime claims this namespace; it is named by its cgroup",
  };
}
