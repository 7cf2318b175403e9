import type { FlowRow } from "@millrace/contract/flow";
import { expect, test } from "vitest";
import type { Tried } from "./judge.ts";
import { isOf } from "./records.ts";

const tried = (change: object = {}, source: string | undefined = "10.201.1.10") =>
  ({
    case: { transport: "udp", address: "10.201.2.11", port: 8080, ...change },
    ...{ answer: { sourcePort: 20_001 }, source },
  }) as Tried;
const at = (ip: string, port: number) => ({ ip, port });
const row = (change: object = {}) =>
  ({
    ...{ proto: 17, src: at("10.201.1.10", 20_001), dst: at("10.201.2.11", 8080), asked: null, ...change },
  }) as FlowRow;

test("a flow is an attempt's by protocol, source port and both addresses", () => {
  expect(isOf(row(), tried())).toBe(true);
  expect(isOf(row({ proto: 6 }), tried())).toBe(false);
  expect(isOf(row({ src: at("10.201.1.10", 20_002) }), tried())).toBe(false);
  expect(isOf(row({ src: at("10.201.2.10", 20_001) }), tried())).toBe(false);
  expect(isOf(row({ dst: at("10.201.2.12", 8080) }), tried())).toBe(false);
});
test("a flow to a service is the attempt's at the address that was asked for", () => {
  const toService = { address: "10.210.0.1", port: 80 };
  expect(isOf(row({ asked: at("10.210.0.1", 80) }), tried(toService))).toBe(true);
  expect(isOf(row(), tried(toService))).toBe(false);
});
test("of the host's own sockets the source address is the kernel's choice", () => {
  expect(isOf(row({ src: at("10.200.0.1", 20_001) }), { ...tried(), source: undefined })).toBe(true);
});
