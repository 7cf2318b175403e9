import { describe, expect, test } from "vitest";
import { AttachmentError } from "../../../apps/agent/src/attachment/attachment.ts";
import { call, NETNS } from "./runtime.ts";
import { site } from "./site.ts";

const DONE = { code: 0, text: "" };
const INTERFACES = [
  { name: "mr00000001", mac: "ee:ee:ee:ee:ee:ee", mtu: 1450 },
  { name: "eth0", mac: "02:00:00:00:00:01", mtu: 1450, sandbox: NETNS },
];
const withoutMtu = INTERFACES.map(({ mtu: _, ...rest }) => rest);
const IPS = [
  { address: "10.20.0.1/32", gateway: "169.254.1.1", interface: 1 },
  { address: "fd20::1/128", gateway: "fe80::1", interface: 1 },
];
const ROUTES = [
  { dst: "0.0.0.0/0", gw: "169.254.1.1" },
  { dst: "::/0", gw: "fe80::1" },
];
const withVersion = IPS.map((ip, at) => ({ ...ip, version: at ? "6" : "4" }));

describe("ADD", () => {
  test.each([
    ["1.1.0", INTERFACES, IPS],
    ["1.0.0", withoutMtu, IPS],
    ["0.4.0", withoutMtu, withVersion],
    ["0.3.1", withoutMtu, withVersion],
  ])("prints the result as %s has it", async (cniVersion, interfaces, ips) => {
    const host = await site();
    const { code, printed } = await host.run("ADD", { cniVersion });
    expect(code).toBe(0);
    expect(printed).toEqual({ cniVersion, interfaces, ips, routes: ROUTES });
  });

  test("hands on who the pod is: arguments, annotations and ports, and no other key", async () => {
    const host = await site();
    const annotations = { "shop.example/tier": "gold" };
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "192.0.2.1" }];
    const runtimeConfig = {
      ...{ "io.kubernetes.cri.pod-annotations": annotations, portMappings },
      bandwidth: { ingressRate: 1 },
    };
    const CNI_ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0;TOKEN=a=b;";
    const keys = { runtimeConfig, dns: { nameservers: ["192.0.2.53"] }, somethingElse: [1] };
    expect((await host.run("ADD", keys, { CNI_ARGS })).code).toBe(0);
    expect(host.attachments.requests).toEqual([
      {
        ...{ op: "add", network: "pods", containerId: "c1", ifname: "eth0", netns: NETNS },
        args: { K8S_POD_NAMESPACE: "shop", K8S_POD_NAME: "cart-0", TOKEN: "a=b" },
        ...{ annotations, portMappings },
      },
    ]);
  });

  test("takes null for a part that the runtime hasn't", async () => {
    const host = await site();
    const runtimeConfig = { "io.kubernetes.cri.pod-annotations": null, portMappings: null };
    const keys = { runtimeConfig, prevResult: null, ipam: {}, waitMs: null, disableGC: null };
    expect((await host.run("ADD", keys)).code).toBe(0);
    expect(host.attachments.requests).toMatchObject([{ annotations: {}, portMappings: [], args: {} }]);
  });

  test("twice makes one attachment, and says the same", async () => {
    const host = await site();
    const first = await host.run("ADD");
    expect(await host.run("ADD")).toEqual(first);
    expect(host.attachments.made.size).toBe(1);
  });

  test("of fifty pods at once gives each its own", async () => {
    const host = await site();
    const names = [...Array(50).keys()].map((n) => `pod-${n}`);
    const outcomes = await Promise.all(
      names.map((name) => host.run("ADD", { waitMs: 5000 }, { CNI_CONTAINERID: name })),
    );
    expect(outcomes.filter(({ code }) => code !== 0)).toEqual([]);
    expect(new Set(outcomes.map(({ printed }) => printed.ips[0].address)).size).toBe(50);
  });
});

describe("DEL", () => {
  test("removes, and is done when there is nothing to remove", async () => {
    const host = await site();
    await host.run("ADD");
    expect(await host.run("DEL")).toMatchObject(DONE);
    expect(host.attachments.made.size).toBe(0);
    expect(await host.run("DEL")).toMatchObject(DONE);
  });

  test.each([
    ["no namespace", { CNI_NETNS: undefined }],
    ["a namespace that is no path", { CNI_NETNS: "gone" }],
    ["arguments that are none", { CNI_ARGS: "nonsense" }],
  ])("needs neither: %s", async (_, env) => {
    const host = await site();
    await host.run("ADD");
    expect(await host.run("DEL", {}, env)).toMatchObject(DONE);
    expect(host.attachments.made.size).toBe(0);
  });

  test("after a chain has the chain's result, and removes whatever it says", async () => {
    const host = await site();
    await host.run("ADD");
    expect(await host.run("DEL", { prevResult: { ips: "nonsense" }, ipam: { type: "x" } })).toMatchObject(
      DONE,
    );
    expect(host.attachments.made.size).toBe(0);
  });
});

describe("CHECK", () => {
  test.each(["1.1.0", "1.0.0", "0.4.0"])("compares with the result of the ADD, in %s", async (cniVersion) => {
    const host = await site();
    const { printed: prevResult } = await host.run("ADD", { cniVersion });
    expect(await host.run("CHECK", { cniVersion, prevResult })).toMatchObject(DONE);
    expect(host.attachments.checks).toMatchObject([
      {
        ...{ key: { containerId: "c1", ifname: "eth0" }, netns: NETNS },
        expected: { mac: "02:00:00:00:00:01", addresses: ["10.20.0.1/32", "fd20::1/128"], routes: ROUTES },
      },
    ]);
  });

  test("leaves alone what a later plugin of the chain put beside ours", async () => {
    const host = await site();
    const { printed } = await host.run("ADD");
    const prevResult = {
      ...printed,
      interfaces: [...printed.interfaces, { name: "tun0", sandbox: NETNS, pciID: "0000:00:1f.6" }],
      ips: [...printed.ips, { address: "10.9.0.1/24", interface: 2 }],
      routes: [...printed.routes, { dst: "10.9.0.0/16", gw: "10.9.0.254", scope: 0 }],
      dns: { nameservers: ["192.0.2.53"] },
    };
    expect(await host.run("CHECK", { prevResult })).toMatchObject(DONE);
    expect(host.attachments.checks[0]?.expected).toMatchObject({
      ...{ addresses: ["10.20.0.1/32", "fd20::1/128"], routes: ROUTES },
    });
  });

  test("says what isn't as it was made", async () => {
    const host = await site();
    const { printed: prevResult } = await host.run("ADD");
    host.attachments.fail = { error: new AttachmentError("differs", "eth0 has no 10.20.0.1/32") };
    const { code, printed } = await host.run("CHECK", { prevResult });
    expect([code, printed.code, printed.details]).toEqual([1, 102, "eth0 has no 10.20.0.1/32"]);
  });
});

describe("STATUS", () => {
  test("is fine when pods can be attached, and says why they can't", async () => {
    const host = await site();
    const none = {
      CNI_CONTAINERID: undefined,
      CNI_IFNAME: undefined,
      CNI_NETNS: undefined,
      CNI_PATH: undefined,
    };
    expect(await host.run("STATUS", {}, none)).toMatchObject(DONE);
    host.attachments.unready = "no block of addresses yet";
    const { code, printed } = await host.run("STATUS", {}, none);
    expect([code, printed.code, printed.details]).toEqual([1, 50, "no block of addresses yet"]);
  });

  test("doesn't keep an ADD from being tried", async () => {
    const host = await site();
    host.attachments.unready = "no block of addresses yet";
    expect((await host.run("ADD")).code).toBe(0);
  });
});

describe("GC", () => {
  const stay = (...names: string[]) => ({
    "cni.dev/valid-attachments": names.map((containerID) => ({ containerID, ifname: "eth0" })),
  });
  async function withPods() {
    const host = await site();
    for (const CNI_CONTAINERID of ["c1", "c2", "c3"]) await host.run("ADD", {}, { CNI_CONTAINERID });
    await host.run("ADD", { name: "other" }, { CNI_CONTAINERID: "c4" });
    return host;
  }

  test("removes what the runtime doesn't list, of its own network", async () => {
    const host = await withPods();
    expect(await host.run("GC", stay("c2"))).toMatchObject(DONE);
    expect([...host.attachments.made.keys()]).toEqual(["c2/eth0", "c4/eth0"]);
  });

  test("removes all for an empty list, and for null as Go writes one", async () => {
    const host = await withPods();
    expect(await host.run("GC", { "cni.dev/valid-attachments": null })).toMatchObject(DONE);
    expect(await host.run("GC", { name: "other", ...stay() })).toMatchObject(DONE);
    expect(host.attachments.made.size).toBe(0);
  });

  test("removes nothing without a list, and nothing when it is switched off", async () => {
    const host = await withPods();
    expect((await host.run("GC")).printed).toMatchObject({
      ...{ code: 7, details: "cni.dev/valid-attachments: is missing" },
    });
    expect(await host.run("GC", { ...stay(), disableGC: true })).toMatchObject(DONE);
    expect(host.attachments.made.size).toBe(4);
  });

  test("takes as many as a host can have", async () => {
    const host = await withPods();
    const many = stay(...[...Array(4000).keys()].map((n) => `${n}`.padStart(64, "0")));
    expect(await host.run("GC", many)).toMatchObject(DONE);
    expect([...host.attachments.made.keys()]).toEqual(["c4/eth0"]);
  });
});

describe("VERSION", () => {
  const supportedVersions = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"];
  test.each([
    ['{"cniVersion":"0.4.0"}', "0.4.0"],
    ['{"cniVersion":"9.0.0"}', "9.0.0"],
    ["{}", "1.1.0"],
    ["", "1.1.0"],
  ])("of %s is told without an agent, and without anything else", async (config, cniVersion) => {
    const env = {
      CNI_CONTAINERID: undefined,
      CNI_IFNAME: undefined,
      CNI_NETNS: undefined,
      CNI_PATH: undefined,
    };
    const { code, printed } = await call({ command: "VERSION", env, config });
    expect(code).toBe(0);
    expect(printed).toEqual({ cniVersion, supportedVersions });
  });
});
