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

export type HeartbeatFacts = {
  incarnation: Incarnation;
  uptimeS: number;
  cpuShare: number;
  residentBytes: number;
  dataplane: Pick<Dataplane, "programs" | "maps">;
  flowsUsed: number;
  pods: readonly Pod[];
  interfacesOf: (pod: Pod) => readonly InterfaceFacts[];
  endpoints: readonly LiveEndpoint[];
  gaps: Gap[];
  spool: Heartbeat["spool"];
  counters: Record<string, number>;
};

export function heartbeat(facts: HeartbeatFacts): Heartbeat {
  const { incarnation, uptimeS, cpuShare, residentBytes, gaps, spool, counters } = facts;
  const byCookie = new Map<bigint, LiveEndpoint[]>();
  for (const endpoint of facts.endpoints)
    byCookie.set(endpoint.cookie, [...(byCookie.get(endpoint.cookie) ?? []), endpoint]);
  return {
    ...{ incarnation, uptimeS, cpuShare, residentBytes, gaps, spool, counters },
    programs: facts.dataplane.programs().map((program) => ({ ...program, runNs: null, runCount: null })),
    maps: facts.dataplane.maps().map(({ name, type, capacity, bytes }) => ({
      ...{ name, type, capacity, bytes },
      used: name === "flows" ? facts.flowsUsed : name === "endpoints" ? facts.endpoints.length : null,
    })),
    pods: facts.pods
      .slice(0, MAX_PODS)
      .map((pod) => podEntry(pod, facts.interfacesOf(pod), endpointsOf(pod, byCookie))),
  };
}

type PodEntry = Heartbeat["pods"][number];
type State = Pick<PodEntry, "state" | "reason">;

const endpointsOf = (pod: Pod, all: Map<bigint, LiveEndpoint[]>): LiveEndpoint[] =>
  (pod.cookie !== undefined && all.get(pod.cookie)) || [];

function podEntry(pod: Pod, interfaces: readonly InterfaceFacts[], endpoints: LiveEndpoint[]): PodEntry {
  const own = interfaces.filter((link) => !link.loopback);
  return {
    ...{ uid: pod.uid, namespace: pod.namespace, pod: pod.name, runtime: pod.runtime.slice(0, 40) },
    netnsCookie: pod.cookie === undefined ? null : String(pod.cookie),
    ...stateOf(pod, own, endpoints),
    interfaces: own.map(({ name }) => name).slice(0, 32),
    addresses: own.flatMap(({ addresses }) => addresses).slice(0, 64),
    ...{ labels: pod.labels, service: pod.service },
    containers: workers(pod)
      .slice(0, 100)
      .map(({ id, name, pid, image, startedAtMs }) => ({
        ...{ id, name, pid, startedAtMs },
        image: image?.slice(0, 500) ?? null,
      })),
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
