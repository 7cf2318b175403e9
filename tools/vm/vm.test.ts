import { expect, test } from "vitest";
import { newestPackage } from "./kernel.mjs";
import { outcome } from "./machine.mjs";
import { needsOf } from "./modules.mjs";

test("the newest plain kernel of a series is taken, by number and not by letters", () => {
  const names = [
    "linux-image-6.12.99+deb12-amd64-unsigned - Linux 6.12 for 64-bit PCs",
    "linux-image-6.12.117+deb12-amd64-unsigned - Linux 6.12 for 64-bit PCs",
    "linux-image-6.12.118+deb12-cloud-amd64-unsigned - Linux 6.12 for x86-64 cloud",
    "linux-image-6.12.118+deb12-rt-amd64-unsigned - PREEMPT_RT",
    "linux-image-6.1.0-54-amd64-unsigned - Linux 6.1 for 64-bit PCs",
  ].join("\n");
  expect(newestPackage(names, "6.12")).toBe("linux-image-6.12.117+deb12-amd64-unsigned");
  expect(newestPackage(names, "6.1")).toBe("linux-image-6.1.0-54-amd64-unsigned");
  expect(newestPackage(names, "6.9")).toBeUndefined();
});

test("a machine that stopped before its command ended is no success", () => {
  expect(outcome("table\r\ncommand ended with 0\r\n")).toEqual({ code: 0, output: "table\n" });
  expect(outcome("boom\ncommand ended with 13\n")).toEqual({ code: 13, output: "boom\n" });
  expect(outcome("Kernel panic")).toEqual({ code: undefined, output: "Kernel panic" });
});

test("what a module needs stands in it, under whichever of its names", () => {
  const module = (text: string) => Buffer.from(`\x7fELF license=GPL\0depends=${text}\0name=x\0`, "latin1");
  expect(needsOf(module("virtio-ring,virtio"))).toEqual(["virtio_ring", "virtio"]);
  expect(needsOf(module(""))).toEqual([]);
  expect(needsOf(Buffer.from("no module"))).toEqual([]);
});
