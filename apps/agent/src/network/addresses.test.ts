import { fc, test } from "@fast-check/vitest";
import type { PoolFacts } from "@millrace/contract/network";
import { expect } from "vitest";
import { Addresses } from "./addresses.ts";

const pool: PoolFacts = {
  ...{
    name: "default",
    mode: "direct",
    prefix4: "10.201.0.0/16",
    prefix6: "fd00:201::/48",
    masquerade: true,
  },
  ...{ blockLength4: 30, blockLength6: 126, mtuOverhead: 0, gateway4: "169.254.1.1", gateway6: "fe80::1" },
};
const block = (at: number) => ({
  ...{ pool: "default", generation: 1 },
  ...{ prefix4: `10.201.0.${4 * at}/30`, prefix6: `fd00:201::${(4 * at).toString(16)}/126` },
});
const first = (allocation: { addresses: { address: string }[] } | undefined) =>
  allocation?.addresses[0]?.address;

test("addresses of both families come from the same place of their blocks, with the pool's gateways", () => {
  const addresses = new Addresses();
  addresses.set([pool], [block(2)]);
  expect(addresses.next(new Set(["10.201.0.8"]))).toEqual({
    ...{ pool: "default", mtuOverhead: 0 },
    addresses: [
      { address: "10.201.0.9", gateway: "169.254.1.1" },
      { address: "fd00:201::9", gateway: "fe80::1" },
    ],
  });
});

test("a freed address rests until all the others were given", () => {
  const addresses = new Addresses();
  addresses.set([pool], [block(0)]);
  const given = Array.from({ length: 6 }, () => first(addresses.next(new Set())));
  expect(given).toEqual(["10.201.0.0", "10.201.0.1", "10.201.0.2", "10.201.0.3", "10.201.0.0", "10.201.0.1"]);
});

test("a block of a pool that isn't known gives nothing", () => {
  const addresses = new Addresses();
  addresses.set([], [block(0)]);
  expect(addresses.size).toBe(0);
  expect(addresses.next(new Set())).toBeUndefined();
});

test.prop([fc.array(fc.boolean(), { maxLength: 200 }), fc.integer({ min: 1, max: 4 })])(
  "no address is given while it is taken, and one is given whenever one is free",
  (steps, blocks) => {
    const addresses = new Addresses();
    addresses.set(
      [pool],
      Array.from({ length: blocks }, (_, at) => block(at)),
    );
    const taken: string[] = [];
    for (const take of steps) {
      if (!take) {
        taken.shift();
        continue;
      }
      const address = first(addresses.next(new Set(taken)));
      if (taken.length === 4 * blocks) expect(address).toBeUndefined();
      else {
        expect(taken).not.toContain(address);
        taken.push(address as string);
      }
    }
  },
);
