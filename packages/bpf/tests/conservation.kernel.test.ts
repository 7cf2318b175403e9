/*
 * Whatever comes, in whatever order, with flows retired and deleted in between: what the interface saw is
 * what its flows, its final readings and its classes add up to. In packets, segments and bytes.
 */
import { fc, test } from "@fast-check/vitest";
import {
  FLOW_KEY_SIZE,
  FLOW_RECORD_OFFSETS,
  FLOW_RECORD_SIZE,
  type FlowCounters,
  FlowLifecycle,
  readFlowRecord,
} from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, expect } from "vitest";
import { ENDPOINT_ID } from "./expectations.ts";
import { Observer, plus, viewOf, type Way } from "./observer.ts";
import { frames } from "./packet-arbitrary.ts";
import { sumOfClasses, sumOfFlows } from "./sums.ts";

const TABLE = 24;
let observer: Observer;
beforeAll(() => {
  observer = new Observer("conserve", { flows: TABLE });
});
afterAll(() => observer[Symbol.dispose]());

type Step =
  | { kind: "packet"; way: Way; bytes: Uint8Array; gsoSegs: number }
  | { kind: "retire"; victim: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("packet" as const),
      way: fc.constantFrom<Way>("egress", "ingress"),
      bytes: frames,
      gsoSegs: fc.constantFrom(0, 0, 0, 2, 45),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("retire" as const), victim: fc.nat(TABLE) }) },
);

/** The agent's way with the numbered entry: first mark it, at the next turn read it for good and delete it. */
function retireOrDelete(victim: number, finished: FlowCounters[]): FlowCounters[] {
  const map = observer.object.map("flows");
  const { count, keys, values } = map.readAll();
  if (victim >= count) return finished;
  const key = keys.subarray(victim * FLOW_KEY_SIZE, (victim + 1) * FLOW_KEY_SIZE);
  const value = values.subarray(victim * FLOW_RECORD_SIZE, (victim + 1) * FLOW_RECORD_SIZE);
  const record = readFlowRecord(viewOf(value), 0);
  if (record.lifecycle === FlowLifecycle.LIVE) {
    value.writeUInt32LE(FlowLifecycle.RETIRED, FLOW_RECORD_OFFSETS.lifecycle);
    map.update(key, value);
    return finished;
  }
  map.delete(key);
  return finished.map((sum, direction) => plus(sum, record.counters[direction] as FlowCounters));
}

test.prop([fc.array(step, { minLength: 1, maxLength: 80 })], { numRuns: 150 })(
  "total = flows + finished flows + classes, exactly",
  (steps) => {
    observer.reset(ENDPOINT_ID);
    const none: FlowCounters = { packets: 0n, segments: 0n, bytes: 0n };
    let finished = [none, none];
    for (const one of steps) {
      if (one.kind === "packet") observer.send(one.way, one.bytes, { gsoSegs: one.gsoSegs });
      else finished = retireOrDelete(one.victim, finished);
    }
    const endpoint = observer.endpoint();
    const flows = observer.flows();
    for (const direction of [0, 1]) {
      const attributed = plus(sumOfFlows(flows, direction), finished[direction] as FlowCounters);
      expect(plus(attributed, sumOfClasses(endpoint, direction, 0))).toEqual(
        endpoint.counters[direction]?.[0],
      );
    }
    const sent = steps.filter((one) => one.kind === "packet").length;
    expect(Number(endpoint.counters[0]?.[0]?.packets) + Number(endpoint.counters[1]?.[0]?.packets)).toBe(
      sent,
    );
  },
);
