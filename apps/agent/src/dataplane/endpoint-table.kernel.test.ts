/** The table of endpoints by slot, on the kernel's own maps: what is in it, and what a killed agent may leave there. */
import { fileURLToPath } from "node:url";
import { EndpointLimit } from "@millrace/abi/generated/endpoint";
import { type BpfMap, type BpfObject, openObject } from "@millrace/native/native";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EndpointTable } from "./endpoint-table.ts";
import { u32 } from "./trace-object.ts";

const OBJECT = fileURLToPath(new URL("../../../../packages/bpf/build/observe.bpf.o", import.meta.url));
const POD = { cookie: 77n, ifindex: 2 };
const OTHER = { cookie: 78n, ifindex: 2 };

let object: BpfObject;
let map: (name: string) => BpfMap;
let table: EndpointTable;

beforeEach(() => {
  object = openObject(OBJECT);
  for (const name of object.programs()) object.setAutoload(name, false);
  object.load();
  const maps = new Map<string, BpfMap>();
  map = (name) => {
    const found = maps.get(name) ?? object.map(name);
    maps.set(name, found);
    return found;
  };
  table = again();
});
afterEach(() => object.close());

/** As the next life finds it. */
function again(): EndpointTable {
  const next = new EndpointTable({ map });
  next.load();
  return next;
}
const idsRead = ({ count, values, cpus, stride } = table.read()): number[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(values).readUInt32LE(i * cpus * stride));

test("who is added is found by the next life, and one who is forgotten by none", () => {
  table.add(POD, 5, "own");
  table.add({ ...OTHER, port: { cookie: 1n, ifindex: 9 } }, 6, "netkit");
  table.add(POD, 5, "own"); // is there already
  expect(() => table.add(POD, 99, "own")).toThrow("the interface is endpoint 5's still");
  const both = [
    { ...POD, endpointId: 5 },
    { cookie: 1n, ifindex: 9, endpointId: 6 },
  ];
  for (const one of [table, again()]) {
    expect(one.entries()).toEqual(expect.arrayContaining(both));
    expect(idsRead(one.read())).toEqual([5, 6]);
  }
  map("flow_holders").update(u32(5), u32(3));
  table.forget({ ...POD, endpointId: 6 }); // another's
  expect(again().entries()).toEqual(expect.arrayContaining(both));
  table.forget({ ...POD, endpointId: 5 });
  expect(again().entries()).toEqual([both[1]]);
  expect(idsRead()).toEqual([6]);
  expect(map("flow_holders").lookup(u32(5))).toBeUndefined();
});

test("a slot is used again, and begins at zero", () => {
  table.add(POD, 5, "own");
  const value = map("endpoints").lookup(u32(1)) as Buffer;
  value.writeBigUInt64LE(12n, 24);
  map("endpoints").update(u32(1), value);
  table.forget({ ...POD, endpointId: 5 });
  table.add(OTHER, 7, "own");
  const values = Buffer.from(table.read().values);
  expect(values.readUInt32LE()).toBe(7);
  expect(values.readBigUInt64LE(24)).toBe(0n);
});

test("killed before the place was named: the slot is nobody's again", () => {
  table.add(POD, 5, "own");
  map("endpoint_slots").delete(map("endpoint_slots").nextKey() as Buffer);
  const next = again();
  expect(next.entries()).toEqual([]);
  expect(map("endpoints").lookup(u32(1))?.readUInt32LE()).toBe(0);
});

test("killed between the slot's end and its place's: the place is nobody's again", () => {
  table.add(POD, 5, "own");
  map("endpoints").update(u32(1), Buffer.alloc(map("endpoints").stride));
  expect(again().entries()).toEqual([]);
  expect(map("endpoint_slots").nextKey()).toBeUndefined();
});

test("one too many is refused by number, and changes nothing", () => {
  for (let n = 1; n < EndpointLimit.EP_SLOTS; n++) table.add({ cookie: 1n, ifindex: n }, n, "own");
  expect(() => table.add(POD, 5000, "own")).toThrow(
    "1024 interfaces are counted, and there is room for no more",
  );
  expect(table.entries()).toHaveLength(1024);
  table.forget({ cookie: 1n, ifindex: 500, endpointId: 500 });
  table.add(POD, 5000, "own");
  expect(idsRead()[499]).toBe(5000);
});
