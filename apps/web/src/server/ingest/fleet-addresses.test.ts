import { describe, expect, test } from "vitest";
import { ip } from "../testing/agent-batch.ts";
import { keyOf, keysOf, textOf } from "./address.ts";
import { FleetAddresses } from "./fleet-addresses.ts";

const T = 1_700_000_000e6;
const S = 1e6;
const key = (text: string) => keyOf(text) as string;
const A = key("10.0.0.1");
function fleet(
  ...endpoints: { id: number; host?: number; address?: string; first?: number; last?: number }[]
) {
  const addresses = new FleetAddresses();
  for (const { id, host = 1, address = "10.0.0.1", first = T, last = T } of endpoints)
    addresses.set({
      ...{ id, hostId: host, workloadId: id * 10, name: { kind: "pod", name: `p${id}` } },
      ...{ addresses: [key(address)], firstUs: first, lastUs: last },
    });
  return addresses;
}
const found = (f: FleetAddresses, atUs = T, host = 9) => f.find(A, atUs, host)?.id;

describe("an address is", () => {
  test("the one endpoint's that has it", () => {
    expect(found(fleet({ id: 1 }))).toBe(1);
    expect(found(fleet({ id: 1, address: "10.0.0.2" }))).toBe(undefined);
  });
  test("nobody's when two hosts have it", () => {
    expect(found(fleet({ id: 1, host: 1 }, { id: 2, host: 2 }))).toBe(undefined);
  });
  test("the own host's before another's: container networks repeat from host to host", () => {
    expect(found(fleet({ id: 1, host: 1 }, { id: 2, host: 2 }), T, 2)).toBe(2);
  });
  test("its successor's when a container came back with it on the same host", () => {
    const f = fleet({ id: 1, first: T - 60 * S, last: T - 10 * S }, { id: 2, first: T - 5 * S, last: T });
    expect(found(f)).toBe(2);
  });
  test("nobody's while two containers of a host both report it", () => {
    expect(found(fleet({ id: 1, last: T }, { id: 2, last: T - S }))).toBe(undefined);
  });
  test("no longer anybody's when its endpoint was silent for long, and not yet before it was there", () => {
    const f = fleet({ id: 1, first: T, last: T });
    expect(found(f, T + 601 * S)).toBe(undefined);
    expect(found(f, T - 60 * S)).toBe(undefined);
    expect(found(f, T - 10 * S)).toBe(1);
  });
});

test("what is said of an endpoint anew replaces what was known", () => {
  const f = fleet({ id: 1 }, { id: 1, address: "10.0.0.7" });
  expect(f.size).toBe(1);
  expect(found(f)).toBe(undefined);
  expect(f.find(key("10.0.0.7"), T, 1)?.id).toBe(1);
  f.remove(1);
  expect([f.size, f.find(key("10.0.0.7"), T, 1)]).toEqual([0, undefined]);
});

describe("an idle pod that its host's heartbeat lists", () => {
  const later = T + 3600 * S;
  test("still has its address; one that it doesn't list has not, nor does another host's word count", () => {
    const f = fleet({ id: 1, host: 1 });
    f.alive(2, [A], later);
    expect(found(f, later)).toBe(undefined);
    f.alive(1, [key("10.0.0.9")], later);
    expect(found(f, later)).toBe(undefined);
    f.alive(1, [A], later);
    expect(found(f, later)).toBe(1);
  });
  test("is the newest with its address, unless two pods have it", () => {
    const two = () => fleet({ id: 1, first: T - 60 * S, last: T }, { id: 2, first: T, last: T });
    const one = two();
    one.alive(1, [A], T + 10 * S);
    expect(found(one, T + 10 * S)).toBe(2);
    const both = two();
    both.alive(1, [A, A], T + 10 * S);
    expect(found(both, T + 10 * S)).toBe(undefined);
  });
});

test("an endpoint told of late doesn't become older than it was", () => {
  const f = fleet({ id: 1, first: T, last: T + 50 * S }, { id: 1, first: T + S, last: T + S });
  expect(f.get(1)).toMatchObject({ firstUs: T, lastUs: T + 50 * S });
});

describe("addresses", () => {
  test("have the same key as column and as text, and go back to their text", () => {
    for (const text of ["10.0.0.1", "2001:db8::5", "fd00::1"]) {
      expect(keysOf(ip(text))).toEqual([keyOf(text)]);
      expect(textOf(key(text))).toBe(text);
    }
    expect(keyOf("::ffff:10.0.0.1")).toBe(keyOf("10.0.0.1"));
  });
  test("that every host has stand for no endpoint", () => {
    for (const text of ["fe80::1", "127.0.0.1", "::1", "224.0.0.1", "0.0.0.0", "nonsense", "10.0.0.1/24"])
      expect(keyOf(text)).toBeUndefined();
  });
});
