/*
 * How much of the flow table one endpoint may hold: what is refused and how it is counted, who is not touched by it, and
 * that places are given back. The programs themselves, by test-run.
 */
import { FLOW_HOLDER_SIZE, readFlowHolder } from "@millrace/abi/generated/endpoint";
import {
  encodeFlowRetireRequest,
  FLOW_RETIRE_REQUEST_SIZE,
  type FlowKey,
} from "@millrace/abi/generated/flow";
import { describe, expect, test } from "vitest";
import { ENDPOINT_ID, expectConserved, keyOf } from "./expectations.ts";
import { Observer, u32, viewOf } from "./observer.ts";
import { PROTO, packet } from "./packet-builder.ts";
import { NOW, retire } from "./retirement.ts";

const A = "10.1.0.1";
const B = "10.1.0.2";
const udp = (port: number) => packet().ethernet().ip4(A, B).udp(port, 53).bytes();
const answer = (port: number) => packet().ethernet().ip4(B, A).udp(53, port).bytes();
const keyOfPort = (port: number, endpointId = ENDPOINT_ID) =>
  keyOf({ saddr: A, daddr: B, sport: port, dport: 53, proto: PROTO.udp, endpointId });

function held(observer: Observer, endpointId = ENDPOINT_ID): number {
  const value = observer.object.map("flow_holders").lookup(u32(endpointId));
  return value ? readFlowHolder(viewOf(value.subarray(0, FLOW_HOLDER_SIZE)), 0).flows : 0;
}
/** Retires the flows, and takes them out. */
function takeOut(observer: Observer, keys: FlowKey[]): number {
  retire(observer, keys, NOW);
  return remove(observer, keys.length);
}
/** Of the keys that the last call of `retire` was about. */
function remove(observer: Observer, count: number): number {
  const ctx = Buffer.alloc(FLOW_RETIRE_REQUEST_SIZE);
  encodeFlowRetireRequest({ quietSinceNs: 0n, count }, viewOf(ctx));
  return observer.object.program("flow_delete").testRun({ ctx }).retval;
}
function onStage(options: { flows: number; flowBudget: number }, run: (observer: Observer) => void): void {
  using observer = new Observer("budget", {
    ...{ flows: options.flows, config: { flowBudget: options.flowBudget } },
  });
  observer.addEndpoint(ENDPOINT_ID);
  run(observer);
}

describe("an endpoint's share of the flow table", () => {
  test("refuses flows beyond it, both ways, in a class of their own, and goes on counting those it has", () =>
    onStage({ flows: 64, flowBudget: 3 }, (observer) => {
      for (const port of [1, 2, 3, 4, 4, 5]) observer.send("egress", udp(port));
      for (const port of [1, 6]) observer.send("ingress", answer(port));
      expect(
        observer
          .flows()
          .map(({ key }) => key.sport)
          .sort(),
      ).toEqual([1, 2, 3]);
      expect(observer.classes()).toEqual({ TOTAL: 8, OVER_BUDGET: 4 });
      expect(held(observer)).toBe(3);
      expectConserved(observer);
    }));

  test("is each endpoint's own: one that has spent its share leaves the others theirs", () =>
    onStage({ flows: 64, flowBudget: 2 }, (observer) => {
      for (const port of [1, 2, 3, 4]) observer.send("egress", udp(port));
      observer.addEndpoint(ENDPOINT_ID + 1);
      observer.send("egress", udp(9));
      expect(observer.classes()).toEqual({ TOTAL: 1 });
      expect([held(observer), held(observer, ENDPOINT_ID + 1)]).toEqual([2, 1]);
    }));

  test("has room again when flows are taken out, and not before: one that isn't retired stays", () =>
    onStage({ flows: 64, flowBudget: 2 }, (observer) => {
      for (const port of [1, 2]) observer.send("egress", udp(port));
      retire(observer, [keyOfPort(1)], 0n);
      expect(remove(observer, 1)).toBe(0);
      expect([held(observer), observer.flows().length]).toEqual([2, 2]);
      expect(takeOut(observer, [keyOfPort(1), keyOfPort(99)])).toBe(1);
      expect(held(observer)).toBe(1);
      expect(remove(observer, 2)).toBe(0);
      observer.send("egress", udp(3));
      observer.send("egress", udp(4));
      expect(
        observer
          .flows()
          .map(({ key }) => key.sport)
          .sort(),
      ).toEqual([2, 3]);
      expect(held(observer)).toBe(2);
    }));

  test("takes no place for what the table has no room for", () =>
    onStage({ flows: 4, flowBudget: 100 }, (observer) => {
      for (let port = 1; port <= 300; port++) observer.send("egress", udp(port));
      expect(held(observer)).toBe(observer.flows().length);
      expect(observer.classes().TABLE_FULL).toBe(300 - observer.flows().length);
      expectConserved(observer);
    }));

  test("is the whole table where none is set", () =>
    onStage({ flows: 1024, flowBudget: 0 }, (observer) => {
      for (let port = 1; port <= 500; port++) observer.send("egress", udp(port));
      expect([held(observer), observer.flows().length]).toEqual([500, 500]);
    }));
});
