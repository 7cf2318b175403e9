/** Cgroup hierarchies are found however the machine mounts them. */
import { expect, test } from "vitest";
import { parseHierarchies } from "./cgroup.ts";

test("v2 alone", () => {
  const line = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate";
  expect(parseHierarchies(line)).toEqual([{ directory: "/sys/fs/cgroup", version: 2 }]);
});

test("v1 and v2 side by side", () => {
  const mountinfo = [
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu",
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
    "",
  ].join("\n");
  expect(parseHierarchies(mountinfo)).toEqual([
    { directory: "/sys/fs/cgroup/cpu", version: 1 },
    { directory: "/sys/fs/cgroup/unified", version: 2 },
  ]);
});

test("no cgroups at all", () => {
  expect(parseHierarchies("22 27 0:21 / /proc rw - proc proc rw\n")).toEqual([]);
});
