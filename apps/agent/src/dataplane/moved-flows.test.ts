import { FLOW_KEY_SIZE, FlowLimit } from "@millrace/abi/generated/flow";
import { describe, expect, test } from "vitest";
import { MovedFlows } from "./moved-flows.ts";

const EPOCH_NS = 2n ** BigInt(FlowLimit.EPOCH_BITS);

function event(port: number, atNs: bigint): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setBigUint64(8, atNs, true);
  view.setUint16(16 + 32, port);
  return view;
}
const ports = (moved: MovedFlows): number[] => {
  const keys = moved.keys();
  const view = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
  return Array.from({ length: moved.count }, (_, i) => view.getUint16(i * FLOW_KEY_SIZE + 32));
};

describe("flows that moved", () => {
  test("are looked at until the epoch they were told of in is over", () => {
    const moved = new MovedFlows();
    const start = 5000n * EPOCH_NS;
    moved.add(event(1, start + 5n));
    moved.add(event(2, start + EPOCH_NS + 5n));
    moved.looked(start + EPOCH_NS - 1n);
    expect(ports(moved)).toEqual([1, 2]);
    moved.looked(start + EPOCH_NS + 10_000_000n); // a packet of the last tick may still come
    expect(ports(moved)).toEqual([1, 2]);
    moved.looked(start + EPOCH_NS + 30_000_000n);
    expect(ports(moved)).toEqual([2]);
    moved.looked(start + 3n * EPOCH_NS);
    expect(ports(moved)).toEqual([]);
  });

  test("are bounded, and what found no room is told as missed, once", () => {
    const moved = new MovedFlows();
    const one = event(9, 1n);
    for (let i = 0; i < 262_144; i++) moved.add(one);
    expect([moved.count, moved.takeMissed()]).toEqual([262_144, false]);
    moved.add(one);
    expect([moved.count, moved.takeMissed(), moved.takeMissed()]).toEqual([262_144, true, false]);
  });

  test("an event too short for a key is none", () => {
    const moved = new MovedFlows();
    moved.add(new DataView(new ArrayBuffer(59)));
    expect(moved.count).toBe(0);
  });
});
