import { spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, onTestFinished, test } from "vitest";
import { AttachmentError, type AttachmentProblem } from "../../../apps/agent/src/attachment/attachment.ts";
import { call, NETNS, PLUGIN } from "./runtime.ts";
import { Site, site } from "./site.ts";

/** What a runtime may rely on in every error. */
function expectError(
  outcome: { code: number | null; printed: unknown },
  code: number,
  ...says: string[]
): void {
  expect(outcome).toMatchObject({
    ...{ code: 1, printed: { code, msg: expect.any(String), details: expect.any(String) } },
  });
  const { msg, details, cniVersion } = outcome.printed as Record<string, string>;
  expect(cniVersion).toMatch(/^(0\.[34]\.[01]|1\.[01]\.0)$/);
  for (const text of says) expect(`${msg} ${details}`).toContain(text);
}

describe("the environment", () => {
  test.each<[string, Record<string, string | undefined>, string[]]>([
    ["ADD", { CNI_CONTAINERID: undefined }, ["CNI_CONTAINERID: is missing"]],
    ["ADD", { CNI_CONTAINERID: "../../etc" }, ["CNI_CONTAINERID"]],
    ["ADD", { CNI_CONTAINERID: "-c" }, ["CNI_CONTAINERID"]],
    ["ADD", { CNI_CONTAINERID: "c".repeat(256) }, ["CNI_CONTAINERID"]],
    ["ADD", { CNI_IFNAME: "" }, ["CNI_IFNAME: is missing"]],
    ["ADD", { CNI_IFNAME: "sixteen-letters-" }, ["CNI_IFNAME"]],
    ["ADD", { CNI_IFNAME: "eth%d" }, ["CNI_IFNAME"]],
    ["ADD", { CNI_IFNAME: "a/b" }, ["CNI_IFNAME"]],
    ["ADD", { CNI_IFNAME: "a b" }, ["CNI_IFNAME"]],
    ["ADD", { CNI_IFNAME: ".." }, ["CNI_IFNAME"]],
    ["ADD", { CNI_NETNS: undefined }, ["CNI_NETNS: is missing"]],
    ["ADD", { CNI_NETNS: "netns/c1" }, ["CNI_NETNS"]],
    ["ADD", { CNI_NETNS: `/${"n".repeat(4096)}` }, ["CNI_NETNS"]],
    ["ADD", { CNI_ARGS: "A=1;nonsense" }, ["CNI_ARGS", '"nonsense"']],
    ["ADD", { CNI_ARGS: "=1" }, ["CNI_ARGS"]],
    ["ADD", { CNI_ARGS: `A=${"x".repeat(5000)}` }, ["CNI_ARGS.A"]],
    ["ADD", { CNI_ARGS: [...Array(65).keys()].map((n) => `K${n}=1`).join(";") }, ["CNI_ARGS"]],
    ["CHECK", { CNI_NETNS: undefined }, ["CNI_NETNS: is missing"]],
    ["DEL", { CNI_IFNAME: undefined }, ["CNI_IFNAME: is missing"]],
    [
      "ADD",
      { CNI_CONTAINERID: "", CNI_IFNAME: ":", CNI_NETNS: "" },
      ["CNI_CONTAINERID, CNI_IFNAME, CNI_NETNS"],
    ],
    ["FORMAT", {}, ["CNI_COMMAND", '"FORMAT"']],
    ["", {}, ["CNI_COMMAND: is missing"]],
  ])("%s with %j is code 4 and names the variable", async (command, env, says) => {
    const host = await site();
    expectError(await host.run(command, {}, env), 4, ...says);
    expect([host.attachments.requests, host.attachments.removals]).toEqual([[], []]);
  });

  test("bytes that are no text are named, not passed on", async () => {
    const host = await site();
    const script = "CNI_NETNS=$(printf '/run/\\377') exec \"$0\"";
    const env = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0" } as NodeJS.ProcessEnv;
    const input = JSON.stringify(host.config());
    const { status, stdout } = spawnSync("/bin/sh", ["-c", script, PLUGIN], { env, input });
    expectError({ code: status, printed: JSON.parse(stdout.toString()) }, 4, "CNI_NETNS: UTF-8 is needed");
  });
});

describe("the network configuration", () => {
  test.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["half of it", '{"cniVersion":"1.1.0","na'],
    ["no object", '["a"]'],
    ["two objects", "{}{}"],
    ["no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["deep nesting", `{"a":${"[".repeat(200_000)}`],
    ["a version that is a number", '{"cniVersion":1}'],
  ])("%s is code 6", async (_, config) => {
    expectError(await call({ command: "ADD", config }), 6);
  });

  test("more than is read is code 5", async () => {
    expectError(await call({ command: "ADD", config: " ".repeat((1 << 20) + 1) }), 5, "1 MiB");
  });

  test.each([
    ["ADD", undefined],
    ["ADD", "0.2.0"],
    ["ADD", "2.0.0"],
    ["ADD", "1.1"],
    ["CHECK", "0.3.1"],
    ["GC", "1.0.0"],
    ["STATUS", "1.0.0"],
  ])("%s in version %s is code 1", async (command, cniVersion) => {
    const host = await site();
    expectError(await host.run(command, { cniVersion }), 1, "cniVersion", '"1.1.0"');
  });

  test.each<[object, string[]]>([
    [{ name: undefined }, ["name: is missing"]],
    [{ name: "" }, ["name: "]],
    [{ name: "../up" }, ['"../up"']],
    [{ name: 7 }, ["name: ", "not 7"]],
    [{ type: undefined }, ["type: is missing"]],
    [{ type: "bridge" }, ['type: "millrace" is needed, not "bridge"']],
    [{ agentSocket: "cni.sock" }, ["agentSocket: "]],
    [{ agentSocket: `/${"s".repeat(107)}` }, ["agentSocket: "]],
    [{ agentSocket: "/run/a\0b" }, ["agentSocket: "]],
    [{ waitMs: -1 }, ["waitMs: ", "not -1"]],
    [{ waitMs: 60_001 }, ["waitMs: "]],
    [{ waitMs: 1.5 }, ["waitMs: "]],
    [{ waitMs: "10" }, ["waitMs: "]],
    [{ disableGC: "yes" }, ["disableGC: "]],
    [{ runtimeConfig: [] }, ["runtimeConfig: "]],
    [{ name: "/", waitMs: -1, agentSocket: 1, type: 2 }, ["name: ", "waitMs: ", "agentSocket: ", "type: "]],
    [{ runtimeConfig: { portMappings: {} } }, ["runtimeConfig.portMappings: "]],
    [
      { runtimeConfig: { portMappings: [{ hostPort: 99_999 }] } },
      ["runtimeConfig.portMappings.0.hostPort: "],
    ],
    [
      { runtimeConfig: { "io.kubernetes.cri.pod-annotations": { a: {} } } },
      ["runtimeConfig.io.kubernetes.cri.pod-annotations.a: "],
    ],
  ])("with %j is code 7 and names the key", async (keys, says) => {
    const host = await site();
    expectError(await host.run("ADD", keys), 7, ...says);
    expect(host.attachments.requests).toEqual([]);
  });

  test.each<[object, string]>([
    [{}, "prevResult: is missing"],
    [{ prevResult: "x" }, "prevResult: "],
    [{ prevResult: { interfaces: [{ name: 1 }] } }, "prevResult.interfaces.0.name: "],
    [{ prevResult: { ips: [{ address: "10.0.0.1" }] } }, "prevResult.ips.0.address: "],
    [{ prevResult: {} }, `prevResult.interfaces: no eth0 in ${NETNS}`],
  ])("CHECK with %j is code 7", async (keys, says) => {
    const host = await site();
    expectError(await host.run("CHECK", keys), 7, says);
    expect(host.attachments.checks).toEqual([]);
  });

  test("GC with a list of something else is code 7, and removes nothing", async () => {
    const host = await site();
    await host.run("ADD");
    const list = { "cni.dev/valid-attachments": [{ containerID: "c2" }, 7] };
    expectError(
      await host.run("GC", list),
      7,
      "cni.dev/valid-attachments.0.ifname: ",
      "cni.dev/valid-attachments.1: ",
    );
    expect(host.attachments.made.size).toBe(1);
  });

  const keys = [
    "name",
    "type",
    "prevResult",
    "runtimeConfig",
    "ipam",
    "disableGC",
    "cni.dev/valid-attachments",
  ];
  const nearly = fc.dictionary(fc.constantFrom("cniVersion", "agentSocket", ...keys), fc.jsonValue());
  property.prop(
    [
      fc.constantFrom("ADD", "DEL", "CHECK", "STATUS", "GC"),
      fc.oneof(
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        fc.json(),
        nearly.map((some) =>
          JSON.stringify({ cniVersion: "1.1.0", name: "pods", type: "millrace", ...some }),
        ),
      ),
    ],
    { numRuns: 200 },
  )(
    "whatever it is, what is wrong is said in CNI's words, and the plugin ends by itself",
    async (command, config) => {
      const outcome = await call({ command, config });
      if (outcome.code === 0)
        expect([command, outcome.text]).toEqual(["GC", ""]); // it was switched off
      else expectError(outcome, expect.any(Number));
    },
  );

  test.each([
    [{ ipam: { type: "host-local" } }, 'ipam = {"type":"host-local"}'],
    [{ prevResult: { ips: [] } }, 'prevResult = {"ips":[]}'],
  ])("ADD with %j is code 2, with key and value: it would give something else", async (keys, says) => {
    const host = await site();
    expectError(await host.run("ADD", keys), 2, says);
    expect(host.attachments.requests).toEqual([]);
  });
});

describe("the agent", () => {
  test.each<[AttachmentProblem, number]>([
    ["not-ready", 11],
    ["no-address", 11],
    ["gone", 3],
    ["bad-netns", 4],
    ["name-taken", 4],
    ["unsupported", 2],
  ])("that says %s is code %i, in the version that was asked in", async (problem, code) => {
    const host = await site();
    host.attachments.fail = { error: new AttachmentError(problem, "so and so") };
    const outcome = await host.run("ADD", { cniVersion: "0.4.0" });
    expectError(outcome, code, "so and so");
    expect(outcome.printed.cniVersion).toBe("0.4.0");
  });

  test("that fails is code 100", async () => {
    const host = await site();
    host.attachments.fail = { error: new Error("netlink said ENOBUFS") };
    expectError(await host.run("DEL"), 100, "netlink said ENOBUFS");
  });

  test.each([
    ["ADD", 11],
    ["DEL", 11],
    ["CHECK", 11],
    ["GC", 11],
    ["STATUS", 51],
  ])("that isn't there lets %s fail with code %i", async (command, code) => {
    const host = new Site();
    const needed = { prevResult: command === "CHECK" ? {} : undefined, "cni.dev/valid-attachments": [] };
    expectError(await host.run(command, needed), code, host.socket, "No such file");
  });

  test("that died and left its socket is as one that isn't there", async () => {
    const host = await site();
    fs.linkSync(host.socket, `${host.socket}.kept`);
    await host.server.close();
    fs.renameSync(`${host.socket}.kept`, host.socket);
    expectError(await host.run("DEL"), 11, "Connection refused");
  });

  test("whose socket is closed to us is code 5 at once", async () => {
    const host = new Site();
    const keys = { agentSocket: `${import.meta.filename}/cni.sock`, waitMs: 60_000 };
    expectError(await host.run("ADD", keys), 5, "agentSocket: ", "Not a directory");
  });

  test.each([
    ["no JSON", "hello\n", 100],
    ["no answer", "{}\n", 100],
    ["an answer of another type", '{"ok":1}\n', 100],
    ["an ADD without a result", '{"ok":true}\n', 100],
    ["a result that is none", '{"ok":true,"result":[]}\n', 100],
    ["a line without an end", `${"x".repeat((1 << 20) + 1)}`, 100],
    ["half a line, and its end", '{"ok":', 11],
    ["nothing, and its end", "", 11],
  ])("that says %s is told from one that works", async (_, text, code) => {
    const host = new Site();
    const server = net.createServer((peer) => {
      peer.on("error", () => {});
      peer.once("data", () => peer.end(text));
    });
    await new Promise<void>((resolve) => server.listen(host.socket, resolve));
    onTestFinished(() => void server.close());
    expectError(await host.run("ADD"), code);
  });
});
