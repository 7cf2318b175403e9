import { NODE_PORT_RANGE } from "@millrace/contract/service";
import { expect, test } from "vitest";
import type { Wanting } from "./address.ts";
import { planNodePorts } from "./node-port.ts";
import type { OwnedNodePort } from "./repo.ts";

type Port = Wanting["reading"]["ports"][number];
const port = (port: number, nodePort?: number, protocol: Port["protocol"] = 6): Port => ({
  ...{ name: `${protocol} ${port}`, protocol, port, target: port },
  ...(nodePort === undefined ? {} : { nodePort }),
});
const wanting = (name: string, documentId: number | null, ...ports: Port[]): Wanting => ({
  ...{ documentId, namespace: "shop", name },
  reading: {
    ...{ selector: null, headless: false, addresses: [], families: null, affinitySeconds: null },
    ...{ externalTraffic: "Cluster", ports },
  },
});
const plain = (of: Wanting): Wanting => {
  const { externalTraffic: _, ...reading } = of.reading;
  return { ...of, reading };
};
const stands = (name: string, documentId: number, servicePort: number, port: number, protocol = 6) =>
  ({ documentId, owner: `shop/${name}`, protocol, port, servicePort }) satisfies OwnedNodePort;
/** Of each service its ports with their node ports, or what is wrong. */
const plan = (standing: OwnedNodePort[], ...services: Wanting[]) =>
  planNodePorts(standing, services).map(({ nodePorts, problems }) =>
    problems.length > 0
      ? problems.map(({ path, message }) => `${path}: ${message}`)
      : nodePorts.map(({ protocol, servicePort, port }) => `${protocol} ${servicePort}:${port}`),
  );
const given = (standing: OwnedNodePort[], service: Wanting): number =>
  planNodePorts(standing, [service])[0]?.nodePorts[0]?.port as number;

test("a port that has none gets one that is free, the same after it went and came, and another for another name or port", () => {
  const first = given([], wanting("web", null, port(80)));
  expect(first).toBeGreaterThanOrEqual(NODE_PORT_RANGE.first);
  expect(first).toBeLessThanOrEqual(NODE_PORT_RANGE.last);
  expect(given([], wanting("web", null, port(80)))).toBe(first);
  expect(given([], wanting("db", null, port(80)))).not.toBe(first);
  expect(given([], wanting("web", null, port(81)))).not.toBe(first);
  expect(given([stands("db", 9, 1, first)], wanting("web", null, port(80)))).toBe(first + 1);
});

test("TCP and UDP are apart, and a port of both mostly has one number", () => {
  const number = given([], wanting("dns", null, port(53)));
  expect(plan([], wanting("dns", null, port(53), port(53, undefined, 17)))).toEqual([
    [`6 53:${number}`, `17 53:${number}`],
  ]);
  expect(plan([stands("dns", 1, 53, 30_053, 17)], wanting("web", null, port(80, 30_053)))).toEqual([
    ["6 80:30053"],
  ]);
});

test("a port keeps what it has, given or asked for, until another is asked for", () => {
  const standing = [stands("web", 1, 80, 31_000), stands("web", 1, 81, 31_001)];
  expect(plan(standing, wanting("web", 1, port(81), port(80)))).toEqual([["6 81:31001", "6 80:31000"]]);
  expect(plan(standing, wanting("web", 1, port(80, 32_000), port(81)))).toEqual([
    ["6 80:32000", "6 81:31001"],
  ]);
});

test("one that is asked for is another service's: that is said, with whose it is, before and within one apply", () => {
  const standing = [stands("db", 9, 5432, 30_080)];
  expect(plan(standing, wanting("web", null, port(80), port(81, 30_080)))).toEqual([
    ["spec.ports[1].nodePort: 30080/TCP is the node port of service shop/db"],
  ]);
  expect(plan([], wanting("a", null, port(80, 30_080)), wanting("b", null, port(80, 30_080)))).toEqual([
    ["6 80:30080"],
    ["spec.ports[0].nodePort: 30080/TCP is the node port of service shop/a"],
  ]);
});

test("those that are asked for go before those that are given", () => {
  const number = given([], wanting("a", null, port(80)));
  expect(plan([], wanting("a", null, port(80)), wanting("b", null, port(80, number)))).toEqual([
    [`6 80:${number + 1}`],
    [`6 80:${number}`],
  ]);
});

test("within a service one port may ask for what another had", () => {
  const standing = [stands("web", 1, 80, 31_000), stands("web", 1, 81, 31_001)];
  expect(plan(standing, wanting("web", 1, port(80, 31_001), port(81, 31_000)))).toEqual([
    ["6 80:31001", "6 81:31000"],
  ]);
  const [[taken, other] = []] = plan(
    [stands("web", 1, 80, 31_000)],
    wanting("web", 1, port(82, 31_000), port(80)),
  );
  expect(taken).toBe("6 82:31000");
  expect(other).toBe(`6 80:${given([], wanting("web", null, port(80)))}`);
});

test("what these changes give up is free to them: a port that goes, a type that changes", () => {
  const standing = [stands("web", 1, 80, 31_000)];
  const asks = wanting("db", null, port(1, 31_000));
  expect(plan(standing, wanting("web", 1, port(80)), asks)[1]).toHaveLength(1);
  expect(plan(standing, wanting("web", 1, port(80)), asks)[1]?.[0]).toMatch(
    /is the node port of service shop\/web/,
  );
  expect(plan(standing, wanting("web", 1, port(81, 31_005)), asks)).toEqual([["6 81:31005"], ["6 1:31000"]]);
  expect(plan(standing, plain(wanting("web", 1, port(80))), asks)).toEqual([[], ["6 1:31000"]]);
});

test("when none is free any more, that is said", () => {
  const { first, last } = NODE_PORT_RANGE;
  const standing = Array.from({ length: last - first + 1 }, (_, i) => stands("all", 9, i, first + i));
  expect(plan(standing, wanting("web", null, port(80)))).toEqual([
    ["spec.ports[0].nodePort: no node port from 30000 to 32767 is free"],
  ]);
  const but = standing.filter((one) => one.port !== 31_234);
  expect(plan(but, wanting("web", null, port(80)))).toEqual([["6 80:31234"]]);
});
