import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { fakeContainer } from "../testing/fake-host.ts";
import { temporaryDirectory, writeFiles } from "../testing/temporary.ts";
import { Cgroups } from "./cgroup.ts";
import { bounded } from "./container.ts";
import { bundleAnnotations } from "./oci-state.ts";
import { podOf } from "./pod.ts";
import { ProcessTable } from "./process.ts";
import { StateFiles } from "./state-file.ts";

describe("what a container's maker may do to the agent", () => {
  test.each([
    ["a pipe that nobody writes", (file: string) => execFileSync("mkfifo", [file])],
    ["a device without end", (file: string) => fs.symlinkSync("/dev/zero", file)],
    ["a directory", (file: string) => fs.mkdirSync(file)],
    ["a huge file", (file: string) => fs.truncateSync(openNew(file), 1 << 30)],
  ])("%s in a file's place has no annotations and no state, and is not waited for", (_, make) => {
    const directory = temporaryDirectory("hostile");
    const file = path.join(directory, "config.json");
    make(file);
    expect(bundleAnnotations(directory)).toEqual({});
    expect(new StateFiles((json) => json).read(file)).toBeUndefined();
  });

  test("escape sequences, directions of writing and halves of characters do not leave a name", () => {
    const name = "web\u001b[2J\u202e\ud83d";
    const container = bounded(
      fakeContainer(name, {
        podName: name,
        labels: { "a\u0007": `x${name}` },
        image: `${"i".repeat(499)}😀`,
      }),
    );
    const shown = "web\ufffd[2J\ufffd\ufffd";
    expect(container).toMatchObject({ name: shown, podName: shown, labels: { "a\ufffd": `x${shown}` } });
    expect(container.image).toBe(`${"i".repeat(499)}\ufffd`);
  });

  test("many containers with many labels make a pod with no more than one may have", () => {
    const labels = (n: number) =>
      Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`label-${n}-${i}`, "x".repeat(253)]));
    const containers = Array.from({ length: 50 }, (_, n) => fakeContainer(`c${n}`, { labels: labels(n) }));
    expect(Object.keys(podOf(7n, "/n", containers).labels)).toHaveLength(64);
  });

  test("a cgroup outside of the mount is none, and of very many below only some are looked at", () => {
    const directory = temporaryDirectory("hostile");
    const mount = path.join(directory, "mount");
    writeFiles(directory, { "proc/1/cgroup": "0::/../outside\n", "proc/2/cgroup": "0::/pod\n" });
    fs.mkdirSync(path.join(directory, "outside"));
    for (let i = 0; i < 500; i++) fs.mkdirSync(path.join(mount, "pod", String(i)), { recursive: true });
    const cgroups = new Cgroups(mount, new ProcessTable(path.join(directory, "proc")));
    expect(cgroups.of(1)).toEqual([]);
    expect(cgroups.of(2)).toHaveLength(64);
  });
});

function openNew(file: string): string {
  fs.writeFileSync(file, "");
  return file;
}
