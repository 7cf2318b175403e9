/** What a start that fails leaves on disk. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ContainerHome, startContainer } from "./container.ts";
import { hostPaths, statePaths } from "./state-directory.ts";
import { planHost, planPod } from "./topology.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "lab-container-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a bundle that can't be written in full leaves nothing for each attempt", async () => {
  const state = statePaths(folder);
  const container = { name: "main", argv: ["true"], restart: true };
  const spec = { name: "web", namespace: "test", hostNumber: 1, labels: {}, containers: [container] };
  const pod = planPod("x", planHost("x", 1), spec, 10);
  const { bundles } = hostPaths(state, pod.host.name);
  await mkdir(bundles, { recursive: true });
  const unwritable = { toJSON: () => expect.unreachable("the disk is full") };
  const home = { labName: "x", state, sharedMounts: [unwritable] } as unknown as ContainerHome;
  await expect(startContainer(home, pod, "7", container)).rejects.toThrow("the disk is full");
  expect(readdirSync(bundles)).toEqual([]);
});
