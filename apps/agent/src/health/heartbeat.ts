/**
 * All that holds on this host now, as one message. Level-triggered: nothing in it is a change, everything is
 * a state. Bounded as the wire demands.
 */
import type { Heartbeat } from "@millrace/contract/agent-protocol";
import type { Incarnation } from "@millrace/contract/ids";
import type { Dataplane, InterfaceFacts } from "../dataplane/dataplane.ts";
import type { LiveEndpoint } from "../endpoint/registry.ts";
import { type Pod, workers } from "../workload/pod.ts";
import { type Gap, HOST_NETWORK } from "./gaps.ts";

const MAX_PODS = 2000;
/** As JSON. A server takes bodies of 4 MiB; all else in a heartbeat is small. */
const MAX_PODS_BYTES = 3 << 20;
/** How many of each kind found no place in the message. */
type LeftOut = Record<"pods" | "interfaces" | "addresses" | "containers", number>;

export type HeartbeatFacts = {
  incarnation: Incarnation;
  uptimeS: number;
  cpuShare: number;
  residentBytes: number;
  dataplane: Pick<Dataplane, "programs" | "maps">;
  /** Entries of tables that are counted. */
  used: Readonly<Record<string, number>>;
  pods: readonly Pod[];
  interfacesOf: (pod: Pod) => readonly InterfaceFacts[];
  endpoints: readonly LiveEndpoint[];
  gaps: Gap[];
  spool: Heartbeat["spool"];
  counters: Record<string, number>;
  network: Heartbeat["network"];
  flowTable: Heartbeat["flowTable"];
};

export function heartbeat(facts: HeartbeatFacts): Heartbeat {
  const { incarnation, uptimeS, cpuShare, residentBytes, gaps, spool, counters, network, flowTable } = facts;
  const byCookie = new Map<bigint, LiveEndpoint[]>();
  for (const endpoint of facts.endpoints)
    byCookie.set(endpoint.cookie, [...(byCookie.get(endpoint.cookie) ?? []), endpoint]);
  const leftOut: LeftOut = { pods: 0, interfaces: 0, addresses: 0, containers: 0 };
  const entryOf = (pod: Pod) => podEntry(pod, facts.interfacesOf(pod), endpointsOf(pod, byCookie), leftOut);
  const pods = bounded(facts.pods, entryOf, leftOut);
  return {
    ...{ incarnation, uptimeS, cpuShare, residentBytes, spool, counters, network, flowTable, pods },
    gaps: [...gapsOfReport(leftOut), ...gaps].slice(0, 50),
    programs: facts.dataplane.programs().map((program) => ({ ...program, runNs: null, runCount: null })),
    maps: facts.dataplane.maps().map(({ name, type, capacity, bytes }) => ({
      ...{ name, type, capacity, bytes },
      used: name === "endpoints" ? facts.endpoints.length : (facts.used[name] ?? null),
    })),
  };
}

type PodEntry = Heartbeat["pods"][number];
type State = Pick<PodEntry, "state" | "reason">;

/** As many as fit: a message that is too long would be refused whole. */
function bounded(pods: readonly Pod[], entryOf: (pod: Pod) => PodEntry, leftOut: LeftOut): PodEntry[] {
  const out: PodEntry[] = [];
  let bytes = 0;
  for (const pod of pods.slice(0, MAX_PODS)) {
    const entry = entryOf(pod);
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (bytes > MAX_PODS_BYTES) break;
    out.push(entry);
  }
  leftOut.pods = pods.length - out.length;
  return out;
}

/** The list's beginning; the rest is counted. */
function cut<T>(list: readonly T[], most: number, kind: keyof LeftOut, leftOut: LeftOut): T[] {
  leftOut[kind] += Math.max(0, list.length - most);
  return list.slice(0, most);
}

const gapsOfReport = (leftOut: LeftOut): Gap[] =>
  Object.entries(leftOut)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => ({
      ...{ what: `${kind} missing from this list`, count },
      why: "a host's report is bounded: these are observed, but not listed",
    }));

const endpointsOf = (pod: Pod, all: Map<bigint, LiveEndpoint[]>): LiveEndpoint[] =>
  (pod.cookie !== undefined && all.get(pod.cookie)) || [];

function podEntry(
  pod: Pod,
  interfaces: readonly InterfaceFacts[],
  endpoints: LiveEndpoint[],
  leftOut: LeftOut,
): PodEntry {
  const own = interfaces.filter((link) => !link.loopback);
  const names = own.map(({ name }) => name);
  const addresses = own.flatMap((link) => link.addresses);
  return {
    ...{ uid: pod.uid, namespace: pod.namespace, pod: pod.name, runtime: pod.runtime.slice(0, 40) },
    netnsCookie: pod.cookie === undefined ? null : String(pod.cookie),
    ...stateOf(pod, own, endpoints),
    interfaces: cut(names, 32, "interfaces", leftOut),
    addresses: cut(addresses, 64, "addresses", leftOut),
    ...{ labels: pod.labels, service: pod.service },
    containers: cut(workers(pod), 100, "containers", leftOut).map(
      ({ id, name, pid, image, startedAtMs }) => ({
        ...{ id, name, pid, startedAtMs },
        image: image?.slice(0, 500) ?? null,
      }),
    ),
  };
}

const NO_INTERFACE = "it has no interface but its loopback yet";
const andUnknown = (reason: string, { unknown }: Pod): string =>
  (unknown === null ? reason : `${reason}; ${unknown}`).slice(0, 300);

function stateOf(pod: Pod, own: readonly InterfaceFacts[], endpoints: readonly LiveEndpoint[]): State {
  if (pod.cookie === undefined) return { state: "not-covered", reason: andUnknown(HOST_NETWORK, pod) };
  const failed = endpoints.find(({ failure }) => failure !== null);
  if (failed) return { state: "failed", reason: failed.failure?.slice(0, 300) ?? null };
  if (own.length === 0) return { state: "covered", reason: andUnknown(NO_INTERFACE, pod) };
  const attached = endpoints.filter((endpoint) => endpoint.attached).length;
  if (attached < own.length) return { state: "attaching", reason: null };
  return { state: "covered", reason: pod.unknown };
}
