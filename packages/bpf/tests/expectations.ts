/*
 * How packet tables say what they expect: flow keys by text addresses, and the sums every test may check.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import type { FlowCounters, FlowKey } from "@millrace/abi/generated/flow";
import { expect } from "vitest";
import type { TestHost, TestPod } from "./forwarder.ts";
import { type Observer, plus } from "./observer.ts";
import { addressBytes } from "./packet-builder.ts";
import { NONE, sumOfClasses, sumOfFlows } from "./sums.ts";

export const ENDPOINT_ID = 7;

export interface KeyText {
  saddr: string;
  daddr: string;
  sport?: number;
  dport?: number;
  proto: number;
  vlan?: number;
  endpointId?: number;
}

export function keyOf(text: KeyText): FlowKey {
  return {
    saddr: addressBytes(text.saddr),
    daddr: addressBytes(text.daddr),
    sport: text.sport ?? 0,
    dport: text.dport ?? 0,
    proto: text.proto,
    family: text.saddr.includes(":") ? 6 : 4,
    vlan: text.vlan ?? 0,
    endpointId: text.endpointId ?? ENDPOINT_ID,
  };
}

/** Total = flows + every class that has none, in each direction, in packets, segments and bytes. */
export function conservationOf(
  observer: Observer,
  ifindex = 1,
): { total: FlowCounters[]; accounted: FlowCounters[] } {
  const endpoint = observer.endpoint(ifindex);
  const flows = observer.flows();
  return {
    total: [0, 1].map((direction) => endpoint.counters[direction]?.[0] ?? NONE),
    accounted: [0, 1].map((direction) =>
      plus(sumOfFlows(flows, direction), sumOfClasses(endpoint, direction, 0)),
    ),
  };
}

export function expectConserved(observer: Observer, ifindex = 1): void {
  const { total, accounted } = conservationOf(observer, ifindex);
  expect(accounted).toEqual(total);
}

/** The same of a pod on a host of forwarder.ts. */
export function expectPodConserved(host: TestHost, pod: TestPod): void {
  const endpoint = host.endpoint(pod);
  for (const direction of [0, 1]) {
    const classes = sumOfClasses(endpoint, direction, EndpointClass.TOTAL);
    expect(plus(sumOfFlows(host.flowsOf(pod), direction), classes)).toEqual(
      endpoint.counters[direction]?.[EndpointClass.TOTAL],
    );
  }
}
