/** A report comes from a program in a container: whatever it holds, the status stays whole. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LabStatus, readReport, statusText } from "./status.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "lab-status-"));
  file = path.join(folder, "report.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("numbers are taken", () => {
  writeFileSync(file, '{"ok":3,"failed":0}');
  expect(readReport(file)).toEqual({ ok: 3, failed: 0 });
});

test.each(["", "{", "[1]", '{"ok":"3"}', "null", `{"ok":${"1".repeat(100_000)}}`])(
  "'%.20s' is no report, and no error",
  (text) => {
    writeFileSync(file, text);
    expect(readReport(file)).toEqual({});
  },
);

test("what is no file is no report either, and isn't waited for", () => {
  expect(readReport(file)).toEqual({});
  mkdirSync(file);
  expect(readReport(file)).toEqual({});
  spawnSync("mkfifo", [path.join(folder, "pipe")]);
  expect(readReport(path.join(folder, "pipe"))).toEqual({});
  writeFileSync(path.join(folder, "elsewhere"), '{"ok":1}');
  symlinkSync("elsewhere", path.join(folder, "link"));
  expect(readReport(path.join(folder, "link"))).toEqual({});
});

test("the text shows hosts, pods, containers that are down, and faults", () => {
  const status: LabStatus = {
    name: "demo",
    stateDirectory: "/state",
    pid: 7,
    ratePerSecond: 20,
    filled: true,
    faults: [{ name: "slow-service", title: "", where: "payments", on: true, expects: { symptom: "slow" } }],
    hosts: [
      {
        name: "h1",
        netns: "/run/netns/mr-demo-h1",
        cniSocket: null,
        runcRoot: "/state/h1/runc",
        uplink: { device: "eth0", ip4: "10.200.0.1", ip6: "fd00:200::1" },
        podNetwork4: "10.201.1.0/24",
        podNetwork6: "fd00:201:1::/64",
        pods: [
          {
            name: "cart",
            namespace: "shop",
            labels: {},
            netns: "/run/netns/mr-demo-pod-cart",
            ip4: "10.201.1.10",
            ip6: "fd00:201:1::10",
            mac: "0a:58:0a:c9:01:0a",
            device: "eth0",
            hostDevice: "veth01234567",
            containers: [
              { name: "cart", id: "", pid: 0, cgroup: "", cgroupId: 0, restarts: 4, report: { ok: 9 } },
            ],
          },
        ],
      },
    ],
  };
  expect(statusText(status).split("\n")).toEqual([
    "lab demo: 1 hosts, 20 requests/s, process 7",
    "h1  10.200.0.1  /run/netns/mr-demo-h1",
    "  cart       cart       10.201.1.10    down         restarts 4  ok 9",
    "faults on: slow-service",
  ]);
});
