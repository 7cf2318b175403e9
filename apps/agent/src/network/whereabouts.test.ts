import type { PoolFacts } from "@millrace/contract/network";
import { expect, test } from "vitest";
import { Whereabouts } from "./whereabouts.ts";

const pool = { prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" } as PoolFacts;
const routed = new Map([["10.201.9.9", 400]]);
const where = new Whereabouts((address) => routed.get(address));
where.set({
  pools: [pool],
  hostAddresses: ["10.200.0.1"],
  locals: [
    { addresses: ["10.201.0.5", "fd00:201::5"], endpointId: 3, port: 11, identity: 301 },
    { addresses: ["10.201.0.6"], endpointId: 4, port: 12, identity: 0 },
  ],
});

test.each([
  ["a pod here", "fd00:201::5", 301, false],
  ["a pod here that nobody has named yet", "10.201.0.6", undefined, false],
  ["the host", "10.200.0.1", 1, false],
  ["a pod elsewhere that is known", "10.201.9.9", 400, true],
  ["a pod elsewhere that isn't", "10.201.9.8", undefined, true],
  ["somebody outside", "192.0.2.1", 2, false],
  ["somebody outside, by IPv6", "2001:db8::1", 2, false],
])("%s", (_name, address, identity, isElsewhere) => {
  expect(where.identityOf(address)).toBe(identity);
  expect(where.isElsewhere(address)).toBe(isElsewhere);
});

test("whom pods here may meet is whoever is here and known", () => {
  expect(where.neighbours()).toEqual([
    { address: "10.200.0.1", identity: 1 },
    { address: "10.201.0.5", identity: 301 },
    { address: "fd00:201::5", identity: 301 },
  ]);
});
