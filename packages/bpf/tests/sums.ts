/*
 * What a pod's flows and classes add up to, its total, and what its own interface counts: one and the same, where nothing is
 * counted twice or not at all. Reads only; whoever tests compares.
 */
import { type Endpoint, EndpointClass } from "@millrace/abi/generated/endpoint";
import type { FlowCounters } from "@millrace/abi/generated/flow";
import { links } from "@millrace/native/native";
import type { TestHost, TestPod } from "./forwarder.ts";
import { type Flow, plus } from "./observer.ts";

export const NONE: FlowCounters = { packets: 0n, segments: 0n, bytes: 0n };

export function sumOfFlows(flows: readonly Flow[], direction: number): FlowCounters {
  return flows.reduce((sum, flow) => plus(sum, flow.record.counters[direction] ?? NONE), NONE);
}

export function sumOfClasses(endpoint: Endpoint, direction: number, but: EndpointClass): FlowCounters {
  const classes = endpoint.counters[direction] ?? [];
  return classes.reduce((sum, counters, index) => (index === but ? sum : plus(sum, counters)), NONE);
}

type Counted = { packets: bigint; bytes: bigint };
/** Of one direction. */
export interface Books {
  accounted: FlowCounters;
  total: FlowCounters;
  device: Counted;
}

/** What a namespace's eth0 sent, and what it received. */
export function interfaceOf(netns: string): [Counted, Counted] {
  const stats = links(netns).find(({ name }) => name === "eth0")?.stats64 as Record<string, bigint>;
  const counted = (way: "tx" | "rx") => ({
    packets: stats[`${way}_packets`] ?? 0n,
    bytes: stats[`${way}_bytes`] ?? 0n,
  });
  return [counted("tx"), counted("rx")];
}

/** Of what the pod sent, and of what it received. */
export function booksOf(host: TestHost, pod: TestPod): Books[] {
  const [flows, endpoint] = [host.flowsOf(pod), host.endpoint(pod)];
  return interfaceOf(pod.netns.path).map((device, direction) => {
    const classes = sumOfClasses(endpoint, direction, EndpointClass.TOTAL);
    return {
      accounted: plus(sumOfFlows(flows, direction), classes),
      total: endpoint.counters[direction]?.[EndpointClass.TOTAL] ?? NONE,
      device,
    };
  });
}
