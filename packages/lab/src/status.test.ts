/** A report comes from a program in a container: whatever it holds, the status stays whole. */
import { expect, test } from "vitest";
import { type LabStatus, parseReport, statusText } from "./status.ts";

test("numbers are taken", () => {
  expect(parseReport('{"ok":3,"failed":0}')).toEqual({ ok: 3, failed: 0 });
});

test.each(["", "{", "[1]", '{"ok":"3"}', "null"])("'%s' is no report, and no error", (text) => {
  expect(parseReport(text)).toEqual({});
});

test("the text shows hosts, pods, containers that are down, and faults", () => {
  const status: LabStatus = {
    name: "demo",
    stateDirectory: "/state",
    pid: 7,
    ratePerSecond: 20,
    faults: [{ name: "slow-service", title: "", where: "payments", on: true, expects: { symptom: "slow" } }],
    hosts: [
      {
        name: "h1",
        netns: "/run/netns/mr-demo-h1",
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
