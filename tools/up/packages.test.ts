// The table of Debian packages.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  apt,
  hasApt,
  installHint,
  isPresent,
  missingPackages,
  systemPackages,
  withServicesAtRest,
} from "./packages.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "millrace-packages-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

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

test("no service starts while packages are installed, and the rule goes with the last of it", async () => {
  const file = path.join(folder, "policy-rc.d");
  let rule = "";
  const work = async () => {
    rule = readFileSync(file, "utf8");
  };
  await withServicesAtRest(work, file);
  expect(rule).toMatch(/exit 101/);
  expect(existsSync(file)).toBe(false);
  await withServicesAtRest(async () => writeFileSync(path.join(folder, "killed"), readFileSync(file)), file);
  // What a killed run left is known as ours the next time.
  writeFileSync(file, readFileSync(path.join(folder, "killed")));
  await withServicesAtRest(work, file);
  expect(existsSync(file)).toBe(false);
});

test("a rule about services that isn't ours stays", async () => {
  const file = path.join(folder, "policy-rc.d");
  writeFileSync(file, "#!/bin/sh\nexit 101\n");
  await withServicesAtRest(async () => undefined, file);
  expect(readFileSync(file, "utf8")).toBe("#!/bin/sh\nexit 101\n");
});

test("an installation that was cut off before is finished first", async () => {
  const said: string[] = [];
  const output =
    "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.";
  const runner = async (command: string, args: string[]) => {
    said.push([command, ...args.slice(args.indexOf("install"))].join(" "));
    const broken = command === "apt-get" && !said.includes("dpkg -a");
    return { code: broken ? 100 : 0, output: broken ? output : "", stdout: "" };
  };
  await apt(["install", "runc"], runner);
  expect(said).toEqual(["apt-get install runc", "dpkg -a", "apt-get install runc"]);
});

test("what apt-get can't do is an error with its last words", async () => {
  const runner = async () => ({ code: 100, output: "E: Unable to locate package runc\n", stdout: "" });
  await expect(apt(["install", "runc"], runner)).rejects.toThrow(/apt-get install runc failed:\nE: Unable/);
});
