import type { RouteHost } from "@millrace/contract/network";
import { expect, test } from "vitest";
import { Hosts } from "./hosts.ts";

const host: RouteHost = {
  ...{ name: "h1", uplink4: "10.200.0.1", uplink6: "fd00:200::1", mac: "02:00:00:00:00:01" },
  ...{ mtu: 1500, vtepPort: 8472 },
};
const answer = (found: RouteHost | null = host, leaseSeconds = 120) => ({
  ...{ address: "10.200.0.1", host: found, leaseSeconds },
});
function fresh() {
  const clock = { ms: 0 };
  return { clock, hosts: new Hosts(() => clock.ms) };
}

test("a host is known for its lease, and renewed while one of its addresses is in use", () => {
  const { clock, hosts } = fresh();
  hosts.put([answer()]);
  expect([hosts.get("10.200.0.1")?.host, hosts.found()]).toEqual([host, [host]]);
  clock.ms = 83_000;
  expect(hosts.due(() => true)).toEqual([]);
  clock.ms = 84_000;
  expect(hosts.due((address) => address === "fd00:200::1")).toEqual(["10.200.0.1"]);
  expect(hosts.due(() => false)).toEqual([]);
  clock.ms = 120_000;
  expect(hosts.get("10.200.0.1")).toBeUndefined();
  hosts.expire();
  expect(hosts.found()).toEqual([]);
});

test("with nobody to ask it holds on", () => {
  const { clock, hosts } = fresh();
  hosts.put([answer()]);
  clock.ms = 119_000;
  hosts.due(() => true);
  hosts.hold();
  clock.ms = 170_000;
  hosts.expire();
  expect(hosts.get("10.200.0.1")?.host).toEqual(host);
});

test("an address that is no host's is known as that for a moment, and is no host", () => {
  const { clock, hosts } = fresh();
  hosts.put([answer(null, 5)]);
  expect(hosts.get("10.200.0.1")).toMatchObject({ host: null });
  expect([hosts.found(), hosts.version]).toEqual([[], 0]);
  clock.ms = 5000;
  expect(hosts.get("10.200.0.1")).toBeUndefined();
});

test("the version rises with what is found alone", () => {
  const { clock, hosts } = fresh();
  hosts.put([answer()]);
  hosts.put([answer()]);
  expect(hosts.version).toBe(1);
  hosts.put([answer({ ...host, uplink6: null })]);
  expect(hosts.version).toBe(2);
  clock.ms = 120_000;
  hosts.expire();
  expect(hosts.version).toBe(3);
});

const many = (count: number, found: boolean) =>
  Array.from({ length: count }, (_, i) => ({
    ...{ address: `10.1.${i >> 8}.${i & 255}`, leaseSeconds: found ? 120 : 5 },
    host: found ? { ...host, name: `h${i}` } : null,
  }));

test("more than are kept are refused and counted: who is known goes on", () => {
  const { hosts } = fresh();
  hosts.put(many(2049, true));
  expect([hosts.get("10.1.0.0")?.host?.name, hosts.refused]).toEqual(["h0", 1]);
  expect(hosts.get("10.1.8.0")).toEqual({ host: null }); // for as long as its lease: nobody asks again and again
});

test("addresses that are no host's push out no host", () => {
  const { hosts } = fresh();
  hosts.put([answer()]);
  hosts.put(many(5000, false));
  expect([hosts.get("10.200.0.1")?.host, hosts.get("10.1.0.0")]).toEqual([host, undefined]);
  expect(hosts.get("10.1.19.135")).toEqual({ host: null });
});

test("when everything may have changed, all is asked again where it is in use", () => {
  const { hosts } = fresh();
  hosts.put([answer(), ...many(1, false)]);
  hosts.doubt();
  expect([hosts.due(() => true), hosts.get("10.1.0.0")]).toEqual([["10.200.0.1"], undefined]);
});

test("what an earlier life knew holds until somebody was asked", () => {
  const { clock, hosts } = fresh();
  hosts.restore([host]);
  expect([hosts.get("10.200.0.1")?.host, hosts.due(() => true)]).toEqual([host, ["10.200.0.1"]]);
  clock.ms = 60_000;
  hosts.expire();
  expect(hosts.found()).toEqual([]);
});
