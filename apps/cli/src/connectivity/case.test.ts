import { describe, expect, test } from "vitest";
import {
  type Addresses,
  admittedCases,
  type Case,
  carriedCases,
  deniedCases,
  type HostPlace,
} from "./case.ts";

const MTU = 1500;
const both = (last: string): Addresses => ({ 4: `10.201.${last}`, 6: `fd00:201::${last.replace(".", ":")}` });
const host = (name: string, n: number): HostPlace => ({
  name,
  client: { name: `client@${name}`, addresses: both(`${n}.10`), mtu: MTU },
  server: { name: `server@${name}`, addresses: both(`${n}.11`), mtu: MTU },
  uplink: { 4: `10.200.0.${n}`, 6: `fd00:200::${n}` },
  listens: ([4, 6] as const).flatMap((family) =>
    (["tcp", "udp"] as const).map((transport) => ({ transport, family, port: 40_000 + family })),
  ),
  virtual: { 4: `10.210.0.${n}`, 6: `fd00:210::${n}` },
});
const two = [host("h1", 1), host("h2", 2)];
const named = { name: "shop/till", addresses: both("9.9") };

/** Group → how each of its cases reads. */
function read(cases: readonly Case[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const { group, from, to, family, transport, size } of cases) {
    groups[group] ??= [];
    groups[group].push(`${from} > ${to} ${transport}${family}${size && ` ${size}`}`);
  }
  return groups;
}

describe("what is tried", () => {
  test("each direction between hosts and within each, over both families, by TCP and UDP", () => {
    const groups = read(carriedCases(two, []));
    const ways = (from: string, to: string) =>
      ["tcp4", "udp4", "tcp6", "udp6"].map((how) => `client@${from} > server@${to} ${how}`);
    expect(groups["same host"]).toEqual([...ways("h1", "h1"), ...ways("h2", "h2")]);
    expect(groups["cross host"]).toEqual([...ways("h1", "h2"), ...ways("h2", "h1")]);
    expect(groups["service, same host"]).toEqual(groups["same host"]);
    expect(groups["service, cross host"]).toEqual(groups["cross host"]);
    expect(read(admittedCases(two))).toEqual({
      "policy admits, same host": groups["same host"],
      "policy admits, cross host": groups["cross host"],
    });
  });

  test("a pod to its host and back, at the ports that the host's prober was given", () => {
    const cases = carriedCases([two[0] as HostPlace], []);
    const toHost = cases.filter(({ group }) => group === "pod to its host");
    expect(toHost.map(({ address, port, transport }) => [transport, address, port])).toEqual([
      ["tcp", "10.200.0.1", 40_004],
      ["udp", "10.200.0.1", 40_004],
      ["tcp", "fd00:200::1", 40_006],
      ["udp", "fd00:200::1", 40_006],
    ]);
    expect(read(cases)["host to its pod"]).toEqual(
      ["tcp4", "udp4", "tcp6", "udp6"].map((how) => `h1 > server@h1 ${how}`),
    );
  });

  test("the largest datagram fills the smaller of both MTUs to the byte, in each family", () => {
    const [first, second] = two as [HostPlace, HostPlace];
    const small = { ...second, server: { ...second.server, mtu: 1400 } };
    const sizes = carriedCases([first, small], []).filter(
      ({ from, to, group }) => group === "size, cross host" && from === "client@h1" && to === "server@h2",
    );
    expect(sizes.map(({ family, transport, bytes, size }) => [family, transport, bytes, size])).toEqual([
      [4, "udp", 1400 - 20 - 8, "one packet of 1400 bytes"],
      [4, "udp", 2800 - 20 - 8, "2800 bytes in fragments"],
      [4, "tcp", 1 << 20, "1 MiB both ways"],
      [6, "udp", 1400 - 40 - 8, "one packet of 1400 bytes"],
      [6, "udp", 2800 - 40 - 8, "2800 bytes in fragments"],
      [6, "tcp", 1 << 20, "1 MiB both ways"],
    ]);
  });

  test("a family that one end lacks isn't tried", () => {
    const [first] = two as [HostPlace];
    const without6 = (addresses: Addresses): Addresses => ({ ...addresses, 6: undefined });
    const old = { ...first, server: { ...first.server, addresses: without6(first.server.addresses) } };
    const families = (hosts: HostPlace[], group: string) =>
      new Set(
        carriedCases(hosts, [])
          .filter((one) => one.group === group)
          .map(({ family }) => family),
      );
    expect(families([old], "same host")).toEqual(new Set([4]));
    expect(families([{ ...first, virtual: without6(first.virtual) }], "service, same host")).toEqual(
      new Set([4]),
    );
    expect(families([first], "same host")).toEqual(new Set([4, 6]));
  });

  test("a pod that was named is tried from every host, and a refusal of it counts", () => {
    const cases = carriedCases(two, [named]).filter(({ group }) => group === "pod that was named");
    expect(cases).toHaveLength(2 * (4 + 2));
    expect(new Set(cases.map(({ to }) => to))).toEqual(new Set(["shop/till"]));
    expect(cases.every(({ expects }) => expects.kind === "carried" && expects.by === null)).toBe(true);
  });
});

test("what is denied is denied by two rules, in every direction that is carried without them", () => {
  const denied = deniedCases(two);
  const by = (rule: string) =>
    denied.filter(({ expects }) => expects.kind === "denied" && expects.rule === rule);
  const open = read(admittedCases(two));
  const asDenied = Object.fromEntries(
    Object.entries(open).map(([group, cases]) => [group.replace("admits", "denies"), cases]),
  );
  expect(read(by("isolates"))).toEqual(asDenied);
  expect(read(by("forbids"))).toEqual(asDenied);
  const ports = (cases: Case[]) => new Set(cases.map(({ port }) => port));
  expect([ports(by("isolates")), ports(by("forbids"))]).toEqual([new Set([8081]), new Set([8082])]);
});

test("only what stays on a host goes the local way", () => {
  const ways = carriedCases(two, []).map(({ group, expects }) => [
    group.split(", ").at(-1),
    expects.kind === "carried" ? expects.ways?.join() : undefined,
  ]);
  for (const [group, way] of ways) {
    if (group === "same host") expect(way).toBe("local");
    if (group === "cross host") expect(way).toBe("direct,overlay");
  }
});
