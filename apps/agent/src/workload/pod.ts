/**
 * Containers that share a network namespace are a pod. Which of them sent a packet is told by the cgroup of
 * its socket. Namespaces are named by cookie: inodes are used again.
 */
import type { Workload } from "@millrace/contract/batch";
import { boundedLabels, type Container } from "./container.ts";
import { serviceName } from "./service-name.ts";

export type PodContainer = Container & {
  /** Of its cgroup and those below it; what sockets are told apart by. */
  cgroups: readonly number[];
};
export type Pod = {
  /** Undefined for what has no namespace of its own: containers on the host's network. */
  cookie: bigint | undefined;
  uid: string;
  runtime: string;
  namespace: string | null;
  name: string | null;
  service: string | null;
  labels: Record<string, string>;
  unknown: string | null;
  containers: PodContainer[];
  /** A path to the namespace through one of its processes. */
  netns: string | undefined;
};

/** Of the members of one namespace; the one that knows most speaks for the pod. */
export function podOf(
  cookie: bigint | undefined,
  netns: string | undefined,
  containers: PodContainer[],
): Pod {
  const byAge = [...containers].sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid);
  const first = byAge[0] as PodContainer;
  const speaker = byAge.find(({ podName }) => podName !== null) ?? first;
  const name = speaker.podName ?? speaker.name;
  const labels = boundedLabels(Object.assign({}, ...byAge.map((container) => container.labels)));
  return {
    cookie,
    uid: cookie === undefined ? `${first.runtime}:${first.id}`.slice(0, 120) : `netns:${cookie}`,
    runtime: speaker.runtime,
    namespace: speaker.podNamespace,
    name,
    service: serviceName(labels, name),
    labels,
    unknown: byAge.find(({ unknown }) => unknown !== null)?.unknown ?? null,
    containers: byAge,
    netns,
  };
}

/** The members that do work of their own. */
export const workers = (pod: Pod): PodContainer[] => pod.containers.filter((c) => !c.isSandbox);

/** One frozen object per container and one for the pod, so that a batch can number them by identity. */
export class PodWorkloads {
  readonly pod: Workload;
  /** Of a socket whose cgroup is none of the known containers': another may just have been started. */
  readonly #stranger: Workload;
  readonly #byCgroup = new Map<number, Workload>();

  constructor(pod: Pod) {
    const own = workers(pod);
    const only = own.length === 1 ? own[0] : undefined;
    this.pod = workloadOf(pod, only);
    this.#stranger = only && only.cgroups.length > 0 ? workloadOf(pod, undefined) : this.pod;
    for (const container of own) {
      const workload = container === only ? this.pod : workloadOf(pod, container);
      for (const cgroup of container.cgroups) this.#byCgroup.set(cgroup, workload);
    }
  }
  /** 0: the packet had no socket here. */
  of(cgroup: number): Workload {
    if (cgroup === 0) return this.pod;
    return this.#byCgroup.get(cgroup) ?? this.#stranger;
  }
}

function workloadOf(pod: Pod, container: PodContainer | undefined): Workload {
  const unknown = pod.unknown?.slice(0, 200) ?? null;
  return Object.freeze({
    ...{ kind: "pod" as const, namespace: pod.namespace, pod: pod.name, container: container?.name ?? null },
    ...{ service: pod.service, labels: pod.labels, runtime: pod.runtime, unknown },
  });
}
