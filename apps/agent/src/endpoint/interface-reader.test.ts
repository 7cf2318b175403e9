import { describe, expect, test } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { FakeHost } from "../testing/fake-host.ts";
import { InterfaceReader } from "./interface-reader.ts";

function reader() {
  const host = new FakeHost();
  const pod = host.addPod("web", "10.0.0.1");
  const dataplane = new FakeDataplane(host.kernel);
  const clock = { nowMs: 0, changes: 0 };
  const interfaces = new InterfaceReader(dataplane, () => clock.nowMs);
  const read = () => interfaces.read(pod.cookie as bigint, "web").map(({ name }) => name);
  const add = (name: string) => {
    const [link] = host.kernel.interfaces;
    if (link) host.kernel.interfaces.push({ ...link, ifindex: 3, name });
  };
  return { dataplane, interfaces, clock, pod, read, add };
}

describe("interfaces of a pod", () => {
  test("are read again when the kernel tells of a change in it, and of none elsewhere", () => {
    const { dataplane, interfaces, clock, pod, read, add } = reader();
    interfaces.listen("host", () => clock.changes++);
    expect(read()).toEqual(["eth0"]);
    add("eth1");
    dataplane.tellOfInterfaces(9999n);
    expect(read()).toEqual(["eth0"]);
    dataplane.tellOfInterfaces(pod.cookie as bigint);
    expect(clock.changes).toBe(2);
    expect(read()).toEqual(["eth0", "eth1"]);
  });

  test("are read again after events were missed, and in any case once in a while", () => {
    const { dataplane, interfaces, clock, read, add } = reader();
    interfaces.listen("host", () => clock.changes++);
    read();
    add("eth1");
    dataplane.tellOfInterfaces("anywhere");
    expect(read()).toEqual(["eth0", "eth1"]);
    add("eth2");
    clock.nowMs = 29_999;
    expect(read()).toHaveLength(2);
    clock.nowMs = 30_000;
    expect(read()).toHaveLength(3);
  });

  test("are read by the clock where the kernel tells nothing, often while the pod is young", () => {
    const { clock, read, add } = reader();
    read();
    add("eth1");
    clock.nowMs = 200;
    expect(read()).toHaveLength(2);
    add("eth2");
    clock.nowMs = 10_000;
    expect(read()).toHaveLength(3);
    add("eth3");
    clock.nowMs = 14_999;
    expect(read()).toHaveLength(3);
    clock.nowMs = 15_000;
    expect(read()).toHaveLength(4);
  });

  test("of the host are given only when they may be others", () => {
    const { dataplane, interfaces, clock } = reader();
    interfaces.listen("host", () => clock.changes++);
    expect(interfaces.readHost("host")).toEqual([]);
    expect(interfaces.readHost("host")).toBeUndefined();
    dataplane.tellOfInterfaces("host");
    expect(interfaces.readHost("host")).toEqual([]);
  });
});
