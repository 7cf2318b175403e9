/*
 * Taking a flow out: retire, wait for a grace period, read, delete. Whatever comes in between must land
 * somewhere, once.
 */
import {
  encodeFlowKey,
  FLOW_KEY_SIZE,
  FLOW_RECORD_OFFSETS,
  type FlowKey,
  FlowLifecycle,
  FlowLimit,
  FlowRetireOutcome,
} from "@millrace/abi/generated/flow";
import { rcuBarrier } from "@millrace/native/native";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ENDPOINT_ID, expectConserved, keyOf } from "./expectations.ts";
import { Observer, viewOf } from "./observer.ts";
import { PROTO, packet } from "./packet-builder.ts";
import { NOW, retire } from "./retirement.ts";

const A = "10.1.0.1";
const B = "10.1.0.2";

let observer: Observer;
beforeAll(() => {
  observer = new Observer("retire", { flows: 4096 });
});
beforeEach(() => observer.reset(ENDPOINT_ID));
afterAll(() => observer[Symbol.dispose]());

const udp = (port: number) => packet().ethernet().ip4(A, B).udp(port, 53).bytes();
const keyOfPort = (port: number) => keyOf({ saddr: A, daddr: B, sport: port, dport: 53, proto: PROTO.udp });

function deleteFlow(key: FlowKey): void {
  const bytes = Buffer.alloc(FLOW_KEY_SIZE);
  encodeFlowKey(key, viewOf(bytes));
  expect(observer.object.map("flows").delete(bytes)).toBe(true);
}

test("each key has its outcome: quiet ones retire, busy ones stay live, unknown ones are missing", () => {
  observer.send("egress", udp(1));
  observer.send("egress", udp(2));
  const { lastSeenNs } = observer.flows().find((f) => f.key.sport === 2)?.record ?? { lastSeenNs: 0n };
  const asked = [keyOfPort(1), keyOfPort(3)];
  expect(retire(observer, asked, NOW)).toEqual({
    retired: 1,
    outcome: [FlowRetireOutcome.DONE, FlowRetireOutcome.MISSING],
  });
  expect(retire(observer, [keyOfPort(2)], lastSeenNs)).toEqual({
    retired: 0,
    outcome: [FlowRetireOutcome.BUSY],
  });
  expect(observer.flows().find((f) => f.key.sport === 2)?.record.lifecycle).toBe(FlowLifecycle.LIVE);
});

test("asking again for a retired flow says done", () => {
  observer.send("egress", udp(1));
  retire(observer, [keyOfPort(1)], NOW);
  expect(retire(observer, [keyOfPort(1)], 0n)).toEqual({ retired: 1, outcome: [FlowRetireOutcome.DONE] });
});

test("a batch may be full, and what lies beyond the count is not touched", () => {
  const ports = Array.from({ length: FlowLimit.RETIRE_BATCH }, (_, i) => i + 1);
  for (const port of ports) observer.send("egress", udp(port));
  expect(retire(observer, ports.map(keyOfPort), NOW).retired).toBe(FlowLimit.RETIRE_BATCH);
  observer.send("egress", udp(5000));
  expect(retire(observer, [], NOW).retired).toBe(0);
  expect(observer.flows().find((f) => f.key.sport === 5000)?.record.lifecycle).toBe(FlowLifecycle.LIVE);
});

test("a packet that meets a retired flow is unattributed; after the delete the tuple is a new flow", () => {
  for (let i = 0; i < 3; i++) observer.send("egress", udp(1));
  retire(observer, [keyOfPort(1)], NOW);
  rcuBarrier();
  observer.send("egress", udp(1));
  expect(observer.flow().record.counters[0]?.packets).toBe(3n);
  expect(observer.classes()).toEqual({ TOTAL: 4, FLOW_RETIRED: 1 });
  expectConserved(observer);

  deleteFlow(keyOfPort(1));
  observer.send("egress", udp(1));
  expect(observer.flow().record).toMatchObject({ lifecycle: FlowLifecycle.LIVE });
  expect(observer.flow().record.counters[0]?.packets).toBe(1n);
});

test("a packet whose entry was deleted and reused under it credits no stranger", () => {
  observer.send("egress", udp(1));
  const key = Buffer.alloc(FLOW_KEY_SIZE);
  encodeFlowKey(keyOfPort(1), viewOf(key));
  const flows = observer.object.map("flows");
  const reused = flows.lookup(key) as Buffer;
  reused.writeUInt32LE(
    (reused.readUInt32LE(FLOW_RECORD_OFFSETS.tupleCheck) ^ 1) >>> 0,
    FLOW_RECORD_OFFSETS.tupleCheck,
  );
  flows.update(key, reused);
  observer.send("egress", udp(1));
  expect(observer.flow().record.counters[0]?.packets).toBe(1n);
  expect(observer.classes()).toEqual({ TOTAL: 2, FLOW_RETIRED: 1 });
});
