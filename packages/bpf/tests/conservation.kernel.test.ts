/*
 * Whatever comes, in whatever order, with flows retired and deleted in between: what the interface saw is
 * what its flows, its final readings and its classes add up to. In packets, segments and bytes.
 */
import { fc, test } from "@fast-check/vitest";
import {
  FLOW_KEY_SIZE,
  FLOW_RECORD_SIZE,
  type FlowCounters,
  FlowLifecycle,
  readFlowRecord,
} from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, expect } from "vitest";
import { ENDPOINT_ID, sumOfClasses, sumOfFlows } from "./expectations.ts";
import { Observer, plus, viewOf, type Way } from "./observer.ts";
import { packet } from "./packet-builder.ts";

const TABLE = 24;
const HOSTS = ["10.1.0.1", "10.1.0.2", "10.1.0.3"];
const HOSTS6 = ["fd00::1", "fd00::2"];

let observer: Observer;
beforeAll(() => {
  observer = new Observer("conserve", { flows: TABLE });
});
afterAll(() => observer[Symbol.dispose]());

const flags = fc.record({
  syn: fc.boolean(),
  ack: fc.boolean(),
  fin: fc.boolean(),
  rst: fc.boolean(),
  seq: fc.integer({ min: 0, max: 3 }),
});
const pair = fc.tuple(fc.constantFrom(...HOSTS), fc.constantFrom(...HOSTS));
const pair6 = fc.tuple(fc.constantFrom(...HOSTS6), fc.constantFrom(...HOSTS6));
const port = fc.integer({ min: 1, max: 6 });
const size = fc.integer({ min: 0, max: 64 });
const eth = () => packet().ethernet();

const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .tuple(pair, port, port, flags, size)
    .map(([[a, b], p, q, f, n]) => eth().ip4(a, b).tcp(p, q, f).payload(n).bytes()),
  fc.tuple(pair, port, port, size).map(([[a, b], p, q, n]) => eth().ip4(a, b).udp(p, q).payload(n).bytes()),
  fc
    .tuple(pair6, port, port, size)
    .map(([[a, b], p, q, n]) => eth().ip6(a, b).extension(0).udp(p, q).payload(n).bytes()),
  fc.tuple(pair, port).map(([[a, b], id]) => eth().ip4(a, b).icmp(8, 0, id).bytes()),
  fc
    .tuple(pair, port, fc.boolean())
    .map(([[a, b], id, first]) =>
      first
        ? eth().ip4(a, b, { id, moreFragments: true }).udp(1, 2).payload(8).bytes()
        : eth().ip4(a, b, { id, fragmentOffset: 16, proto: 17 }).payload(8).bytes(),
    ),
  fc.constant(eth().arp().bytes()),
  fc.uint8Array({ minLength: 15, maxLength: 120 }),
  fc
    .tuple(fc.constantFrom(0x0800, 0x86dd, 0x8100), fc.uint8Array({ minLength: 1, maxLength: 120 }))
    .map(([type, noise]) =>
      Uint8Array.from([...eth().vlan(1).bytes().slice(0, 12), type >> 8, type & 255, ...noise]),
    ),
);

type Step =
  | { kind: "packet"; way: Way; bytes: Uint8Array; gsoSegs: number }
  | { kind: "retire"; victim: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("packet" as const),
      way: fc.constantFrom<Way>("egress", "ingress"),
      bytes: bytes.filter(runnable),
      gsoSegs: fc.constantFrom(0, 0, 0, 2, 45),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("retire" as const), victim: fc.nat(TABLE) }) },
);

/** A test run refuses IP frames without a whole IP header; truncation.kernel.test.ts has all of those. */
function runnable(frame: Uint8Array): boolean {
  return frame.length >= 54 || ![0x0800, 0x86dd].includes(viewOf(frame).getUint16(12));
}

/** The agent's way with the numbered entry: first mark it, at the next turn read it for good and delete it. */
function retireOrDelete(victim: number, finished: FlowCounters[]): FlowCounters[] {
  const map = observer.object.map("flows");
  const { count, keys, values } = map.readAll();
  if (victim >= count) return finished;
  const key = keys.subarray(victim * FLOW_KEY_SIZE, (victim + 1) * FLOW_KEY_SIZE);
  const value = values.subarray(victim * FLOW_RECORD_SIZE, (victim + 1) * FLOW_RECORD_SIZE);
  const record = readFlowRecord(viewOf(value), 0);
  if (record.lifecycle === FlowLifecycle.LIVE) {
    value.writeUInt32LE(FlowLifecycle.RETIRED, 104);
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
