/*
 * Whether a pod's books balance: its flows and classes against its total, and that against what its own interface counts.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { links } from "@millrace/native/native";
import { expect } from "vitest";
import { sumOfClasses, sumOfFlows } from "./expectations.ts";
import type { TestHost, TestPod } from "./forwarder.ts";
import { plus } from "./observer.ts";
import { settled } from "./waiting.ts";

/** What it sent, what it received. */
function interfaceOf(pod: TestPod) {
  const stats = links(pod.netns.path).find(({ name }) => name === "eth0")?.stats64 as Record<string, bigint>;
  return [
    { packets: stats.tx_packets, bytes: stats.tx_bytes },
    { packets: stats.rx_packets, bytes: stats.rx_bytes },
  ];
}

/** Once its counters stand still. */
export async function expectBooksBalance(host: TestHost, pod: TestPod): Promise<void> {
  const [flows, endpoint, device] = await settled("the pod's counters", () => [
    host.flowsOf(pod),
    host.endpoint(pod),
    interfaceOf(pod),
  ]);
  for (const direction of [0, 1]) {
    const total = endpoint.counters[direction]?.[EndpointClass.TOTAL];
    const classes = sumOfClasses(endpoint, direction, EndpointClass.TOTAL);
    expect(plus(sumOfFlows(flows, direction), classes)).toEqual(total);
    expect({ packets: total?.packets, bytes: total?.bytes }).toEqual(device[direction]);
  }
}
