/** Where the shop's pods live: both kinds of path have traffic, whatever the number of hosts. */
import { expect, test } from "vitest";
import { shopPods } from "./shop.ts";

test("with two hosts some neighbours share a host and some don't", () => {
  const host = new Map(shopPods(2).map((pod) => [pod.name, pod.hostNumber]));
  expect(host.get("web")).toBe(host.get("cart"));
  expect(host.get("shopper")).toBe(host.get("web"));
  expect(host.get("web")).not.toBe(host.get("checkout"));
  expect(host.get("checkout")).not.toBe(host.get("payments"));
  expect(host.get("cart")).not.toBe(host.get("redis"));
  expect(host.get("batch")).not.toBe(host.get("dns"));
});

test.each([1, 2, 3, 5, 8])("with %d hosts every pod has one of them", (hosts) => {
  for (const pod of shopPods(hosts)) {
    expect(pod.hostNumber).toBeGreaterThanOrEqual(1);
    expect(pod.hostNumber).toBeLessThanOrEqual(hosts);
  }
});

test("checkout's pod has two containers, all others one", () => {
  expect(Object.fromEntries(shopPods(1).map((pod) => [pod.name, pod.containers.length]))).toMatchObject({
    checkout: 2,
    web: 1,
    redis: 1,
  });
});
