/** Names and addresses of hosts and pods. */
import { describe, expect, test } from "vitest";
import { LabError } from "./subprocess.ts";
import { nextPodNumber, planHost, planHosts, planPod } from "./topology.ts";

const spec = { name: "web", namespace: "shop", hostNumber: 2, labels: {}, containers: [] };

describe("hosts", () => {
  test("have namespaces named after the lab and networks of their own", () => {
    expect(
      planHosts("demo", 2).map(({ netns, uplink4, podNetwork6 }) => [netns, uplink4, podNetwork6]),
    ).toEqual([
      ["mr-demo-h1", "10.200.0.1", "fd00:201:1::/64"],
      ["mr-demo-h2", "10.200.0.2", "fd00:201:2::/64"],
    ]);
  });

  test.each(["", "Demo", "a-b", "1st", "x".repeat(17), "a/b"])("a lab can't be named '%s'", (name) => {
    expect(() => planHosts(name, 1)).toThrow(LabError);
  });

  test.each([0, 33, 1.5, Number.NaN])("a lab can't have %d hosts", (count) => {
    expect(() => planHosts("demo", count)).toThrow("1 to 32 hosts");
  });
});

describe("pods", () => {
  test("have an address in both families, and a device address that follows from it", () => {
    expect(planPod("demo", planHost("demo", 2), spec, 17)).toMatchObject({
      netns: "mr-demo-pod-web",
      ip4: "10.201.2.17",
      ip6: "fd00:201:2::17",
      mac: "0a:58:0a:c9:02:11",
      hostDevice: expect.stringMatching(/^veth[0-9a-f]{8}$/),
    });
  });

  test.each(["", "-a", "A", "a b", "a/..", "x".repeat(41)])("a pod can't be named '%s'", (name) => {
    expect(() => planPod("demo", planHost("demo", 1), { ...spec, name }, 10)).toThrow("can't name a pod");
  });

  test("a number is not given again at once", () => {
    expect(nextPodNumber(new Set(), undefined)).toBe(10);
    expect(nextPodNumber(new Set(), 10)).toBe(11);
    expect(nextPodNumber(new Set([11, 12]), 10)).toBe(13);
    expect(nextPodNumber(new Set(), 250)).toBe(10);
  });

  test("a full host says so", () => {
    const all = new Set(Array.from({ length: 241 }, (_, index) => index + 10));
    expect(() => nextPodNumber(all, 100)).toThrow("at most 241 pods");
  });
});
