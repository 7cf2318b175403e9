// The table of Debian packages.
import { expect, test } from "vitest";
import { hasApt, installHint, isPresent, missingPackages, systemPackages } from "./packages.mjs";

test("only what the purpose needs and the machine lacks is missing", () => {
  const present = (proof: string) => proof !== "runc" && proof !== "chromium";
  expect(missingPackages(["build", "lab"], present).map((entry) => entry.name)).toEqual(["runc"]);
  expect(missingPackages(["build"], present)).toEqual([]);
});

test("every package is named once and has a proof", () => {
  const names = systemPackages.map((entry) => entry.name);
  expect(new Set(names).size).toBe(names.length);
  for (const entry of systemPackages) expect(entry.proof).not.toBe("");
});

test("a program is looked for where root's programs are too, a file at its place", () => {
  expect(isPresent("sh")).toBe(true);
  expect(isPresent("/etc/os-release")).toBe(true);
  expect(isPresent("no-such-program")).toBe(false);
  expect(isPresent("/no/such/file")).toBe(false);
});

test("apt is trusted on Debian and its descendants only", () => {
  expect(hasApt("PRETTY_NAME=Debian\nID=debian\n")).toBe(true);
  expect(hasApt('ID=ubuntu\nID_LIKE="debian"\n')).toBe(true);
  expect(hasApt('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(true);
  expect(hasApt("ID=fedora\n")).toBe(false);
});

test("what can't be installed is one line with the command", () => {
  expect(installHint(["g++", "make"])).toBe("missing g++, make; install: apt-get install g++ make");
});
