/**
 * The pods of this host as they are now: looks at every runtime, joins containers by namespace. Level-triggered:
 * each sweep looks at everything and remembers only what is costly to find out. Attaches nothing.
 */

import type { RuntimeNames } from "../runtime-socket/names.ts";
import type { Cgroups } from "./cgroup.ts";
import { bounded, type Container, type Runtime } from "./container.ts";
import { type Pod, type PodContainer, podOf } from "./pod.ts";
import type { ProcessTable } from "./process.ts";
import { unclaimed } from "./unclaimed.ts";

export type DiscoveryOptions = {
  runtimes: readonly Runtime[];
  processes: ProcessTable;
  cgroups: Cgroups;
  names: RuntimeNames;
  netnsCookie: (path: string) => bigint;
  /** The host's own namespace: pods in it are not covered. */
  hostCookie: bigint;
  /** Also namespaces that no runtime claims. */
  unclaimed: boolean;
};
type Facts = { netns: string; cookie: bigint; cgroups: number[] };

export class Discovery {
  readonly #o: DiscoveryOptions;
  #known = new Map<string, Facts>();
  #next = new Map<string, Facts>();
  #sweeps = 0;
  #strangers: Container[] = [];

  constructor(options: DiscoveryOptions) {
    this.#o = options;
  }

  sweep(): Pod[] {
    const containers = this.#o.runtimes.flatMap((runtime) => runtime.list());
    const members = unique(containers).map((container) => this.#member(this.#o.names.complete(container)));
    this.#o.names.endSweep();
    if (this.#o.unclaimed) members.push(...this.#others(members));
    this.#known = this.#next;
    this.#next = new Map();
    const known = members.filter((member) => member !== undefined);
    const pods = new Map<bigint, PodContainer[]>();
    const onHost = new Map<string, PodContainer[]>();
    for (const { container, cookie } of known) {
      if (cookie === this.#o.hostCookie) add(onHost, podNameOf(container), container);
      else add(pods, cookie, container);
    }
    return [
      ...[...pods].map(([cookie, group]) => this.#pod(cookie, group)),
      ...[...onHost.values()].map((group) => podOf(undefined, undefined, group)),
    ];
  }

  #pod(cookie: bigint, group: PodContainer[]): Pod {
    const speaker = group.find((container) => container.isSandbox) ?? (group[0] as PodContainer);
    return podOf(cookie, this.#o.processes.netnsPath(speaker.pid), group);
  }

  /** Undefined when the process went while we looked. */
  #member(container: Container): { container: PodContainer; cookie: bigint } | undefined {
    const netns = this.#o.processes.netns(container.pid);
    if (!netns) return undefined;
    const key = `${container.pid}:${container.startTicks}`;
    const known = this.#known.get(key);
    const facts = known?.netns === netns ? known : this.#find(container.pid, netns);
    if (!facts) return undefined;
    // A cgroup may be joined, and made below, after the start.
    if (facts !== known || this.#sweeps++ % 16 === 0) facts.cgroups = this.#o.cgroups.of(container.pid);
    this.#next.set(key, facts);
    return { container: { ...bounded(container), cgroups: facts.cgroups }, cookie: facts.cookie };
  }

  #find(pid: number, netns: string): Facts | undefined {
    try {
      const cookie = this.#o.netnsCookie(this.#o.processes.netnsPath(pid));
      return { netns, cookie, cgroups: [] };
    } catch {
      return undefined; // gone meanwhile
    }
  }

  /** Looking through all processes costs more than the runtimes do, so it is done every other sweep. */
  #others(members: readonly (({ container: PodContainer } & object) | undefined)[]) {
    const claimed = new Set(members.map((m) => m && this.#o.processes.netns(m.container.pid)));
    claimed.add(this.#o.processes.netns(process.pid));
    const names = new Set([...claimed].filter((name) => name !== undefined));
    if (this.#sweeps++ % 2 === 0) this.#strangers = unclaimed(this.#o.processes, names);
    return this.#strangers
      .filter(({ pid }) => !names.has(this.#o.processes.netns(pid) ?? ""))
      .map((container) => this.#member(container))
      .filter((member) => member?.cookie !== this.#o.hostCookie);
  }
}

function add<K>(groups: Map<K, PodContainer[]>, key: K, container: PodContainer): void {
  const group = groups.get(key);
  if (group) group.push(container);
  else groups.set(key, [container]);
}

/** On the host's network there is no namespace to tell a pod by: its name does, where it has one. */
function podNameOf({ runtime, id, podNamespace, podName }: Container): string {
  return podName === null ? `${runtime} ${id}` : `${runtime} ${podNamespace}/${podName}`;
}

/** Two runtimes may see the same process: the first that names it wins. */
function unique(containers: readonly Container[]): Container[] {
  const byPid = new Map<number, Container>();
  for (const container of containers) if (!byPid.has(container.pid)) byPid.set(container.pid, container);
  return [...byPid.values()];
}
