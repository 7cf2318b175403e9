import { fc, test as property } from "@fast-check/vitest";
import { CniAnswer } from "@millrace/contract/cni";
import { describe, expect, test } from "vitest";
import { AttachmentError, type AttachmentProblem } from "../attachment/attachment.ts";
import { FakeAttachments, gate } from "../testing/fake-attachments.ts";
import { CniHandler } from "./handler.ts";

const KEY = { network: "pods", containerId: "c1", ifname: "eth0" };
const NETNS = "/run/netns/c1";
const ADD = { v: 1, op: "add", ...KEY, netns: NETNS, args: {}, annotations: {}, portMappings: [] };

function site() {
  const attachments = new FakeAttachments();
  const unforeseen: unknown[] = [];
  const handler = new CniHandler(attachments, (error) => unforeseen.push(error));
  /** An answer that the contract doesn't know fails the test. */
  const answer = async (line: string): Promise<CniAnswer> => CniAnswer.parse(await handler.answer(line));
  const ask = (request: object) => answer(JSON.stringify(request));
  return { attachments, unforeseen, answer, ask };
}

describe("the agent's answers", () => {
  test("ADD says both ends, the pod's addresses on its own end, and a default route for each family", async () => {
    const { ask } = site();
    expect(await ask(ADD)).toEqual({
      ok: true,
      result: {
        interfaces: [
          { name: "mr00000001", mac: "ee:ee:ee:ee:ee:ee", mtu: 1450 },
          { name: "eth0", mac: "02:00:00:00:00:01", mtu: 1450, sandbox: NETNS },
        ],
        ips: [
          { address: "10.20.0.1/32", gateway: "169.254.1.1", interface: 1 },
          { address: "fd20::1/128", gateway: "fe80::1", interface: 1 },
        ],
        routes: [
          { dst: "0.0.0.0/0", gw: "169.254.1.1" },
          { dst: "::/0", gw: "fe80::1" },
        ],
      },
    });
  });

  test("what the runtime says of the pod comes with the ADD", async () => {
    const { ask, attachments } = site();
    const args = { K8S_POD_NAMESPACE: "shop", K8S_POD_NAME: "cart-0" };
    const annotations = { "shop/tier": "gold" };
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "TCP", hostIP: "" }];
    expect((await ask({ ...ADD, args, annotations, portMappings })).ok).toBe(true);
    expect(attachments.requests).toMatchObject([
      { ...KEY, netns: NETNS, args, annotations, portMappings: [{ protocol: "tcp", hostPort: 8080 }] },
    ]);
  });

  test("DEL is done when there is nothing to remove", async () => {
    const { ask, attachments } = site();
    expect(await ask({ v: 1, op: "del", ...KEY })).toEqual({ ok: true });
    expect(attachments.removals).toEqual([{ containerId: "c1", ifname: "eth0" }]);
  });

  test("CHECK compares the pod's end with what the runtime remembers, and leaves other plugins' parts alone", async () => {
    const { ask, attachments } = site();
    const prevResult = {
      interfaces: [
        { name: "mr00000001" },
        { name: "eth0", mac: "02:00:00:00:00:01", sandbox: NETNS },
        { name: "eth1", sandbox: NETNS },
      ],
      ips: [
        { address: "10.20.0.1/32", gateway: "169.254.1.1", interface: 1 },
        { address: "10.99.0.1/24", gateway: "10.99.0.254", interface: 2 },
      ],
      routes: [
        { dst: "0.0.0.0/0", gw: "169.254.1.1" },
        { dst: "10.98.0.0/16", gw: "10.99.0.254" },
      ],
    };
    expect(await ask({ v: 1, op: "check", ...KEY, netns: NETNS, prevResult })).toEqual({ ok: true });
    expect(attachments.checks).toEqual([
      {
        ...{ key: { containerId: "c1", ifname: "eth0" }, netns: NETNS },
        expected: {
          ...{ mac: "02:00:00:00:00:01", mtu: undefined, addresses: ["10.20.0.1/32"] },
          routes: [{ dst: "0.0.0.0/0", gw: "169.254.1.1" }],
        },
      },
    ]);
    const without = { ...prevResult, interfaces: [{ name: "eth0", sandbox: "/run/netns/other" }] };
    expect(await ask({ v: 1, op: "check", ...KEY, netns: NETNS, prevResult: without })).toMatchObject({
      ...{ ok: false, code: 7, details: "prevResult.interfaces: no eth0 in /run/netns/c1" },
    });
  });

  test("STATUS says why no pod can be attached", async () => {
    const { ask, attachments } = site();
    const status = { v: 1, op: "status", network: "pods" };
    expect(await ask(status)).toEqual({ ok: true });
    attachments.unready = "no block of addresses yet";
    expect(await ask(status)).toMatchObject({ ok: false, code: 50, details: "no block of addresses yet" });
  });

  test("GC removes what isn't listed, of its own network only", async () => {
    const { ask, attachments } = site();
    for (const [network, containerId] of [
      ["pods", "c1"],
      ["pods", "c2"],
      ["pods", "c3"],
      ["other", "c4"],
    ])
      await ask({ ...ADD, network, containerId });
    const stay = [{ containerID: "c2", ifname: "eth0" }];
    expect(await ask({ v: 1, op: "gc", network: "pods", attachments: stay })).toEqual({ ok: true });
    expect([...attachments.made.keys()]).toEqual(["c2/eth0", "c4/eth0"]);
  });

  test("GC removes what it can, and says what it couldn't", async () => {
    const { ask, attachments, unforeseen } = site();
    for (const containerId of ["c1", "c2"]) await ask({ ...ADD, containerId });
    attachments.fail = { containerId: "c1", error: new Error("device busy") };
    expect(await ask({ v: 1, op: "gc", network: "pods", attachments: [] })).toEqual({
      ...{ ok: false, code: 100, message: "1 of 2 were not removed", details: "c1/eth0: device busy" },
    });
    expect([...attachments.made.keys()]).toEqual(["c1/eth0"]);
    expect(unforeseen).toEqual([attachments.fail.error]);
  });
});

describe("failures", () => {
  test.each<[AttachmentProblem, number]>([
    ["not-ready", 11],
    ["no-address", 11],
    ["gone", 3],
    ["bad-netns", 4],
    ["name-taken", 4],
    ["unsupported", 2],
    ["differs", 102],
  ])("%s is code %i, with what was said about it", async (problem, code) => {
    const { ask, attachments, unforeseen } = site();
    attachments.fail = { error: new AttachmentError(problem, "so and so") };
    expect(await ask(ADD)).toMatchObject({ ok: false, code, details: "so and so" });
    expect(unforeseen).toEqual([]);
  });

  test("what nobody foresaw is code 100, goes to the log, and the next request is answered", async () => {
    const { ask, attachments, unforeseen } = site();
    const error = new Error("x".repeat(10_000));
    attachments.fail = { error };
    const answer = await ask(ADD);
    expect(answer).toMatchObject({ ok: false, code: 100 });
    expect(JSON.stringify(answer).length).toBeLessThan(5000);
    expect(unforeseen).toEqual([error]);
    attachments.fail = undefined;
    expect((await ask(ADD)).ok).toBe(true);
  });

  test("all that is wrong is named at once, as the runtime gave it", async () => {
    const { ask } = site();
    const annotations = { a: 1 };
    const portMappings = [{ hostPort: 0, containerPort: 80, protocol: "tcp" }];
    const answer = await ask({ ...ADD, network: "", annotations, portMappings });
    expect(answer).toMatchObject({ ok: false, code: 7 });
    for (const field of [
      "name: ",
      "runtimeConfig.io.kubernetes.cri.pod-annotations.a: ",
      "runtimeConfig.portMappings.0.hostPort: ",
    ])
      expect((answer as { details: string }).details).toContain(field);
    expect(await ask({ ...ADD, containerId: "../x", netns: "netns", ifname: "eth%d" })).toMatchObject({
      ...{ ok: false, code: 4, message: "invalid environment: CNI_CONTAINERID, CNI_IFNAME, CNI_NETNS" },
    });
  });

  test.each([
    ["no JSON", "{", 6],
    ["no object", "7", 6],
    ["no version", '{"op":"status"}', 6],
    ["another version", '{"v":2,"op":"status"}', 101],
    ["an unknown operation", '{"v":1,"op":"format"}', 7],
    ["a list beyond its limit", JSON.stringify({ ...ADD, portMappings: Array(5000).fill(0) }), 7],
    [
      "more labels than may be",
      JSON.stringify({ ...ADD, args: Object.fromEntries([...Array(65).keys()].map((n) => [`K${n}`, ""])) }),
      4,
    ],
  ])("%s is refused", async (_, line, code) => {
    const { answer, attachments } = site();
    expect(await answer(line)).toMatchObject({ ok: false, code });
    expect(attachments.requests).toEqual([]);
  });

  property.prop([
    fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ v: 1, value })),
    ),
  ])("whatever is asked is answered, and nothing is made of nonsense", async (line) => {
    const { answer, attachments, unforeseen } = site();
    expect((await answer(line)).ok).toBe(false);
    expect([attachments.requests, attachments.removals, unforeseen]).toEqual([[], [], []]);
  });
});

describe("requests at the same time", () => {
  test("those of one attachment have their turns: a DEL waits for the ADD before it, another pod doesn't", async () => {
    const { ask, attachments } = site();
    const { closed, open } = gate();
    attachments.gate = closed;
    const add = ask(ADD);
    const del = ask({ v: 1, op: "del", ...KEY });
    const other = ask({ ...ADD, containerId: "c2" });
    await Promise.resolve();
    await new Promise(setImmediate);
    expect(attachments.requests.map(({ containerId }) => containerId)).toEqual(["c1", "c2"]);
    expect(attachments.removals).toEqual([]);
    open();
    expect((await Promise.all([add, del, other])).map(({ ok }) => ok)).toEqual([true, true, true]);
    expect([...attachments.made.keys()]).toEqual(["c2/eth0"]);
  });
});
