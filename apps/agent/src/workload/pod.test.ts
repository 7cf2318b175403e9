import { describe, expect, test } from "vitest";
import { fakeContainer } from "../testing/fake-host.ts";
import { PodWorkloads, podOf } from "./pod.ts";

const workloads = (...containers: ReturnType<typeof fakeContainer>[]) =>
  new PodWorkloads(podOf(7n, "/proc/7/ns/net", containers));

describe("who a pod's packet is of", () => {
  test("is told by the socket's cgroup", () => {
    const pod = workloads(
      fakeContainer("app", { cgroups: [77, 78] }),
      fakeContainer("proxy", { cgroups: [79] }),
    );
    expect([77, 78, 79].map((cgroup) => pod.of(cgroup).container)).toEqual(["app", "app", "proxy"]);
    expect(pod.of(0).container).toBeNull();
  });

  test("is the only container there is, when there was no socket to tell or no cgroup to tell it by", () => {
    expect(workloads(fakeContainer("app", { cgroups: [77] })).of(0).container).toBe("app");
    expect(workloads(fakeContainer("app", { cgroups: [] })).of(1).container).toBe("app");
  });

  test("is left open for a cgroup nobody is known by: a second container may just have been started", () => {
    const pod = workloads(fakeContainer("app", { cgroups: [77] }));
    expect(pod.of(5)).toMatchObject({ pod: "app", container: null });
  });

  test("is never a sandbox, which does nothing", () => {
    const sandbox = fakeContainer("pause", { cgroups: [70], isSandbox: true });
    expect(workloads(sandbox, fakeContainer("app", { cgroups: [77] })).of(0).container).toBe("app");
  });
});
