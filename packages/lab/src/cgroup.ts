/**
 * The lab's cgroups in every mounted hierarchy (v2 alone, v1, or both side by side as "hybrid"): who is in
 * them, and their removal. runc makes them; nothing here sets a limit.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import path from "node:path";
import { CGROUP_ROOT } from "./bundle.ts";

type Hierarchy = { directory: string; version: 1 | 2 };

/** Of /proc/self/mountinfo: the mount point is field 5, the type follows the lone '-'. */
export function parseHierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split("\n").flatMap((line): Hierarchy[] => {
    const fields = line.split(" ");
    const type = fields[fields.indexOf("-") + 1];
    const directory = fields[4];
    if (!directory || (type !== "cgroup" && type !== "cgroup2")) return [];
    return [{ directory, version: type === "cgroup2" ? 2 : 1 }];
  });
}

const hierarchies = (): Hierarchy[] => parseHierarchies(readFileSync("/proc/self/mountinfo", "utf8"));

function treeDeepestFirst(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap((child) => treeDeepestFirst(path.join(directory, child.name))), directory];
}

const labTrees = (labName: string): string[] =>
  hierarchies().flatMap(({ directory }) => treeDeepestFirst(path.join(directory, CGROUP_ROOT, labName)));

/** The directory of the v2 hierarchy, whose inode is the cgroup id that sockets carry. */
export function unifiedDirectory(cgroup: string): string | undefined {
  const unified = hierarchies().find(({ version }) => version === 2);
  return unified && path.join(unified.directory, cgroup);
}

/** 0 when there is no v2 hierarchy or the cgroup is gone. */
export function cgroupId(cgroup: string): number {
  const directory = unifiedDirectory(cgroup);
  return (directory && statSync(directory, { throwIfNoEntry: false })?.ino) || 0;
}

export function cgroupProcesses(labName: string): number[] {
  const pids = new Set<number>();
  for (const directory of labTrees(labName)) {
    const listed = readOrEmpty(path.join(directory, "cgroup.procs"));
    for (const pid of listed.split("\n").filter(Boolean)) pids.add(Number(pid));
  }
  return [...pids];
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Removes the lab's cgroups of one pod, or all of them; returns those that would not go. */
export function removeCgroups(labName: string, pod?: string): string[] {
  const left: string[] = [];
  const below = pod === undefined ? `${CGROUP_ROOT}/${labName}` : `${CGROUP_ROOT}/${labName}/${pod}`;
  for (const { directory } of hierarchies()) {
    for (const cgroup of treeDeepestFirst(path.join(directory, below))) {
      if (!removeDirectory(cgroup)) left.push(cgroup);
    }
    // race: another lab may be making its first cgroup below the shared root just now; then the root is
    // not empty and stays. Between runc's two mkdirs its start would fail, with an error that says so.
    if (pod === undefined) removeDirectory(path.join(directory, CGROUP_ROOT));
  }
  return left;
}

function removeDirectory(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
