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
  hosts.extend(["10.200.0.1"]);
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

test("more than are kept: the one answered longest ago goes", () => {
  const { hosts } = fresh();
  const answers = Array.from({ length: 1025 }, (_, i) => ({
    ...{ address: `10.1.${i >> 8}.${i & 255}`, leaseSeconds: 120 },
    host: { ...host, name: `h${i}` },
  }));
  hosts.put(answers);
  expect([hosts.get("10.1.0.0"), hosts.found().length]).toEqual([undefined, 1024]);
});
