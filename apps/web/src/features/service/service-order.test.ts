import type { ServiceView } from "@millrace/contract/declared";
import { expect, test } from "vitest";
import { arrangeServices } from "./service-order.ts";
import { addressText, nodePortsText, portText } from "./service-words.ts";

const view = (name: string, over: Partial<ServiceView> = {}): ServiceView => ({
  ...{ kind: "Service", namespace: "shop", name, number: null, revision: 1, createdAtMs: 0, changedAtMs: 0 },
  ...{ changedBy: "ann@example.org", addresses: [], isHeadless: false, ports: [], affinitySeconds: null },
  externalTraffic: null,
  ...{ backends: { pods: 0, ready: 0, draining: 0 }, hosts: 0 },
  ...over,
});
const at = (name: string, protocol: 6 | 17, port: number, nodePort: number | null = null) => ({
  ...{ name, protocol, port, nodePort },
});
const all = [
  view("web", { addresses: ["10.210.0.7"], ports: [at("http", 6, 80)], hosts: 3 }),
  view("db", { isHeadless: true, backends: { pods: 1, ready: 1, draining: 0 } }),
  view("dns", {
    ...{ namespace: "ops", externalTraffic: "Local", hosts: 3 },
    ports: [at("", 17, 53, 30_053), at("tcp", 6, 53, 30_054), at("more", 6, 54)],
  }),
];
const names = (
  find: string,
  key: Parameters<typeof arrangeServices>[2]["key"] = "name",
  descending = false,
) => arrangeServices(all, find, { key, descending }).map(({ name }) => name);

test("every word of the text must be found, in names, addresses and ports", () => {
  expect(names("")).toEqual(["dns", "db", "web"]);
  expect(names("10.210 tcp 80")).toEqual(["web"]);
  expect(names("udp")).toEqual(["dns"]);
  expect(names("30054")).toEqual(["dns"]);
  expect(names("local")).toEqual(["dns"]);
  expect(names("headless")).toEqual(["db"]);
});

test("pods and endpoints of slices are ready alike, and what is equal stands by name", () => {
  expect(names("", "ready", true)).toEqual(["db", "dns", "web"]);
  expect(names("", "hosts", true)).toEqual(["dns", "web", "db"]);
});

test("ports and addresses are said even where there are none", () => {
  expect(all.map(addressText)).toEqual(["10.210.0.7", "headless", "none"]);
  expect(all.flatMap(({ ports }) => ports.map(portText))).toEqual([
    ...["http TCP 80", "UDP 53", "tcp TCP 53", "more TCP 54"],
  ]);
  expect(all.map(nodePortsText)).toEqual(["", "", "UDP 30053, TCP 30054"]);
});
