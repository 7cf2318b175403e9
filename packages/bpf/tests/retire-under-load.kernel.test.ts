/*
 * Flows taken out again and again under the packets that use them, from several CPUs: at the end every
 * packet that the interface counted is in a finished flow, a living one, or a class. Not one more or less.
 */

import { EndpointClass } from "@millrace/abi/generated/endpoint";
import {
  FLOW_KEY_SIZE,
  FLOW_RECORD_SIZE,
  type FlowCounters,
  FlowLifecycle,
  readFlowKey,
  readFlowRecord,
} from "@millrace/abi/generated/flow";
import { links, rcuBarrier } from "@millrace/native/native";
import { expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { Belongings } from "./belongings.ts";
import { ENDPOINT_ID } from "./expectations.ts";
import { ifindexOf } from "./injector.ts";
import { TestNetns, vethPair } from "./netns.ts";
import { Observer, plus, viewOf } from "./observer.ts";
import { NOW, retire } from "./retirement.ts";
import { sumOfClasses, sumOfFlows } from "./sums.ts";
import { settled } from "./waiting.ts";

const PORTS = 6;
const BURST = 500;
const ROUNDS = 40; // each under load, however fast this machine is: the senders go on until they are done
const TABLE = 12; // fewer than there are flows, so that reuse and overflow happen all the time

/** One round of the agent: all that is there is retired, read for good and deleted. */
function finishAll(observer: Observer, finished: FlowCounters[]): FlowCounters[] {
  const map = observer.object.map("flows");
  const before = map.readAll();
  const keys = Array.from({ length: before.count }, (_, i) =>
    readFlowKey(viewOf(before.keys), i * FLOW_KEY_SIZE),
  );
  retire(observer, keys, NOW);
  rcuBarrier();
  const { count, keys: raw, values } = map.readAll();
  let sum = finished;
  for (let i = 0; i < count; i++) {
    const record = readFlowRecord(viewOf(values), i * FLOW_RECORD_SIZE);
    if (record.lifecycle !== FlowLifecycle.RETIRED) continue;
    sum = sum.map((counters, direction) => plus(counters, record.counters[direction] as FlowCounters));
    expect(map.delete(raw.subarray(i * FLOW_KEY_SIZE, (i + 1) * FLOW_KEY_SIZE))).toBe(true);
  }
  return sum;
}

test("nothing is lost and nothing counted twice while flows are finished under load", async () => {
  using mine = new Belongings();
  const observer = mine.use(new Observer("load", { flows: TABLE }));
  const peer = mine.use(new TestNetns("peer"));
  vethPair(observer.netns, peer, () => {
    const ifindex = ifindexOf(observer.netns, "eth0");
    observer.addEndpoint(ENDPOINT_ID, ifindex);
    for (const way of ["ingress", "egress"] as const) observer.attach(way, ifindex);
  });
  const ifindex = ifindexOf(observer.netns, "eth0");
  const [pod, other] = [mine.use(await Actor.in(observer.netns)), mine.use(await Actor.in(peer))];
  for (let port = 1; port <= PORTS; port++) {
    await other.do("listenUdp", { port: 7000 + port });
    await pod.do("listenUdp", { port: 7100 + port });
  }
  const none: FlowCounters = { packets: 0n, segments: 0n, bytes: 0n };
  let finished = [none, none];
  let rounds = 0;
  const load = async (actor: Actor, host: string, base: number) => {
    for (let burst = 0; rounds < ROUNDS; burst++)
      await actor.do("udp", { host, port: base + 1 + (burst % PORTS), count: BURST });
  };
  const sending = [load(pod, "10.9.0.1", 7000), load(other, "10.9.0.2", 7100)];
  while (rounds < ROUNDS) {
    finished = finishAll(observer, finished);
    rounds++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(sending);
  pod[Symbol.dispose]();
  other[Symbol.dispose]();

  // Echoes and neighbour discovery may still be under way: looked at until nothing moves.
  const accountsNow = () => {
    const endpoint = observer.endpoint(ifindex);
    const flows = observer.flows();
    const stats64 = links(observer.netns.path).find((link) => link.name === "eth0")?.stats64 ?? {};
    return {
      total: [0, 1].map((direction) => endpoint.counters[direction]?.[EndpointClass.TOTAL] as FlowCounters),
      accounted: [0, 1].map((direction) =>
        plus(
          plus(sumOfFlows(flows, direction), finished[direction] as FlowCounters),
          sumOfClasses(endpoint, direction, EndpointClass.TOTAL),
        ),
      ),
      device: [stats64.tx_packets, stats64.rx_packets],
    };
  };
  const accounts = await settled("the accounts", accountsNow);
  expect(accounts.accounted).toEqual(accounts.total);
  expect(accounts.device).toEqual(accounts.total.map((counters) => counters.packets));
  expect(Number(accounts.total[0]?.packets)).toBeGreaterThan(BURST);
  expect(Number(finished[0]?.packets)).toBeGreaterThan(BURST);
});
