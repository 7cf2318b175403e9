import { ServiceLimit } from "@millrace/abi/generated/service";
import { NODE_PORT_RANGE } from "@millrace/contract/service";
import { expect, test } from "vitest";
import { asServiceAnswer, nodePortAddress, nodePortAt, nodePortOf } from "./node-port.ts";

test("the kernel and the control plane mean the same ports", () => {
  expect({ first: ServiceLimit.NODE_PORT_FIRST, last: ServiceLimit.NODE_PORT_LAST }).toEqual(NODE_PORT_RANGE);
});

test.each([
  [{ family: 4, protocol: 6, port: 30_000 }, "100::6e70:0:4:6:7530"],
  [{ family: 6, protocol: 17, port: 32_767 }, "100::6e70:0:6:11:7fff"],
] as const)("%j has a text of its own, and is read from it", (port, text) => {
  expect(nodePortAddress(port)).toBe(text);
  expect(nodePortOf(text)).toEqual(port);
});

test.each([
  ["10.210.0.4", "an address"],
  ["100::6e70:0:5:6:7530", "no family"],
  ["100::6e70:0:4:84:7530", "a protocol that services are not found by"],
  ["100::6e70:0:4:6:752f", "a port before the range"],
  ["100::6e70:1:4:6:7530", "another prefix"],
  ["100::6e70", "less than all"],
])("%s is none: %s", (text) => {
  expect(nodePortOf(text)).toBeUndefined();
});

test.each([
  ["10.200.0.1", 6, 30_080, "100::6e70:0:4:6:7580"],
  ["fd00:200::1", 17, 30_080, "100::6e70:0:6:11:7580"],
  ["10.200.0.1", 6, 22, undefined],
  ["10.200.0.1", 1, 30_080, undefined],
])("at %s, protocol %i, port %i: %s", (address, protocol, port, text) => {
  expect(nodePortAt(address, protocol, port)).toBe(text);
});

test("an answer is a service's of one port, or of none", () => {
  const asked = { family: 4, protocol: 6, port: 30_080 } as const;
  const backends = [{ address: "10.201.0.5", port: 80, weight: 100, state: "ready" as const }];
  const service = { namespace: "shop", name: "web", affinitySeconds: null, leftOut: 0 };
  const address = "100::6e70:0:4:6:7580";
  expect(asServiceAnswer({ asked, found: { ...service, backends }, leaseSeconds: 120 })).toEqual({
    address,
    found: { ...service, addresses: [address], ports: [{ name: "", protocol: 6, port: 30_080, backends }] },
    reason: null,
    leaseSeconds: 120,
  });
  expect(asServiceAnswer({ asked, found: null, leaseSeconds: 5 })).toEqual({
    ...{ address, found: null, reason: "no-service", leaseSeconds: 5 },
  });
});
