/**
 * What a trace's filter means on this host: the namespaces of the pods it matches, their addresses, and the
 * constants the programs are loaded with. Pods come and go, so it is worked out anew at each look.
 */
import { NetnsKind } from "@millrace/abi/generated/endpoint";
import { type TraceConfig, TraceKind } from "@millrace/abi/generated/trace";
import type { TraceFilter, TraceSpec } from "@millrace/contract/trace";
import type { TraceScope } from "../dataplane/dataplane.ts";
import { addressBytes } from "../endpoint/address.ts";
import { type Pod, type PodContainer, workers } from "../workload/pod.ts";

export type TracedPod = { pod: Pod; addresses: readonly string[] };

const matches = (wanted: string | null | undefined, name: string | null): boolean =>
  !wanted || wanted === name;

export function podMatches(filter: TraceFilter, pod: Pod): boolean {
  if (!matches(filter.namespace, pod.namespace) || !matches(filter.pod, pod.name)) return false;
  return !filter.container || workers(pod).some(({ name }) => name === filter.container);
}

/** Packets that die in the host's namespace are shown when they are from or to a matching pod. */
export function scopeOf(filter: TraceFilter, pods: readonly TracedPod[], hostCookie: bigint): TraceScope {
  const matching = pods.filter(({ pod }) => pod.cookie !== undefined && podMatches(filter, pod));
  const namespaces = matching.map(({ pod }) => ({ cookie: pod.cookie as bigint, kind: NetnsKind.POD }));
  const addresses = matching
    .flatMap((traced) => traced.addresses.map(addressBytes))
    .filter((address) => address !== undefined);
  return { namespaces: [...namespaces, { cookie: hostCookie, kind: NetnsKind.HOST }], addresses };
}

const NO_ADDRESS = new Uint8Array(16);

export function configOf(spec: TraceSpec, leaseEndsNs: bigint, pods: readonly TracedPod[]): TraceConfig {
  const { filter } = spec;
  const addrA = filter.ipA ? addressBytes(filter.ipA) : undefined;
  const addrB = filter.ipB ? addressBytes(filter.ipB) : undefined;
  return {
    kind: spec.kind === "drops" ? TraceKind.DROPS : TraceKind.CONNECTIONS,
    rateEps: spec.rateEps,
    leaseEndsNs,
    filter: {
      addrA: addrA ?? NO_ADDRESS,
      addrB: addrB ?? NO_ADDRESS,
      portA: filter.portA ?? 0,
      portB: filter.portB ?? 0,
      proto: filter.proto ?? 0,
      matchAddrA: addrA ? 1 : 0,
      matchAddrB: addrB ? 1 : 0,
      cgroupId: onlyCgroup(filter, pods),
      netnsCookie: 0n,
    },
  };
}

/** The kernel compares with one cgroup; with several, the agent leaves out what doesn't match. */
function onlyCgroup(filter: TraceFilter, pods: readonly TracedPod[]): bigint {
  if (!filter.container) return 0n;
  const matching = pods
    .filter(({ pod }) => podMatches(filter, pod))
    .flatMap(({ pod }): PodContainer[] => workers(pod).filter(({ name }) => name === filter.container));
  const [only] = matching;
  return matching.length === 1 && only?.cgroups.length === 1 ? BigInt(only.cgroups[0] as number) : 0n;
}
