import fs from "node:fs";
import net from "node:net";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { gate } from "../../../apps/agent/src/testing/fake-attachments.ts";
import { until } from "../../../apps/agent/src/testing/temporary.ts";
import { Site, site } from "./site.ts";

const WAIT = { waitMs: 30_000 };

/** Longer than the plugin gives the runtime to write its input or to read the answer. */
const LATE_MS = 10_500;

test("an ADD waits for an agent that isn't there yet, and says what it got, however late", async () => {
  const host = new Site();
  const { ended } = host.start("ADD", WAIT);
  await setTimeout(LATE_MS);
  await host.agent();
  const { code, printed } = await ended;
  expect([code, printed.ips[0].address]).toEqual([0, "10.20.0.1/32"]);
});

test.each(["ADD", "DEL", "STATUS"])(
  "%s is done by the next agent when one ends in the middle of it, and done once",
  async (command) => {
    const host = new Site();
    // An agent that is killed after it was asked: whoever asked sees the end, and nothing else.
    let asked = false;
    const dying = net.createServer((peer) => {
      peer.on("error", () => {});
      peer.once("data", () => {
        asked = true;
        peer.destroy();
        dying.close();
      });
    });
    await new Promise<void>((resolve) => dying.listen(host.socket, resolve));
    const { ended } = host.start(command, WAIT);
    await until("the request", () => asked);
    await until("the agent's end", () => !fs.existsSync(host.socket));
    await host.agent();
    expect((await ended).code).toBe(0);
    expect(host.attachments.made.size).toBe(command === "ADD" ? 1 : 0);
  },
);

test("an agent that restarts while it makes an attachment makes one, and the ADD gets it", async () => {
  const host = await site({ drainMs: 0 });
  const { closed, open } = gate();
  host.attachments.gate = closed;
  const { ended } = host.start("ADD", WAIT);
  await until("the first request", () => host.attachments.requests.length === 1);
  await host.server.close();
  await host.agent();
  await until("the second request", () => host.attachments.requests.length === 2);
  open();
  const { code, printed } = await ended;
  expect([code, printed.ips[0].address]).toEqual([0, "10.20.0.1/32"]);
  expect(host.attachments.made.size).toBe(1);
});

test("a plugin that is killed after it asked leaves an attachment that the next ADD gets, and a DEL removes", async () => {
  const host = await site();
  const { closed, open } = gate();
  host.attachments.gate = closed;
  const { ended, process } = host.start("ADD");
  await until("the request", () => host.attachments.requests.length === 1);
  process.kill("SIGKILL");
  expect((await ended).signal).toBe("SIGKILL");
  open();
  await until("the attachment", () => host.attachments.made.size === 1);
  expect((await host.run("ADD")).printed.ips[0].address).toBe("10.20.0.1/32");
  expect(host.attachments.made.size).toBe(1);
  expect((await host.run("DEL")).code).toBe(0);
  expect(host.attachments.made.size).toBe(0);
});

test("a DEL that comes while the ADD is still under way waits for it, and nothing is left", async () => {
  const host = await site();
  const { closed, open } = gate();
  host.attachments.gate = closed;
  const add = host.start("ADD");
  await until("the ADD", () => host.attachments.requests.length === 1);
  add.process.kill("SIGKILL");
  const del = host.start("DEL");
  await add.ended;
  open();
  expect((await del.ended).code).toBe(0);
  expect(host.attachments.made.size).toBe(0);
});

test("an agent that takes too long says so as code 11, and goes on", async () => {
  const host = await site({ answerMs: 50 });
  const { closed, open } = gate();
  host.attachments.gate = closed;
  expect((await host.run("ADD")).printed).toMatchObject({ code: 11, msg: "the agent is still at it" });
  open();
  await until("the attachment", () => host.attachments.made.size === 1);
  expect((await host.run("ADD")).code).toBe(0);
});

test("an agent that takes nobody more is one to wait for", async () => {
  const host = await site({ connections: 1, lineMs: 600_000 });
  const first = net.connect(host.socket);
  onTestFinished(() => void first.destroy());
  await new Promise<void>((resolve) => first.once("connect", () => resolve()));
  expect((await host.run("STATUS")).printed).toMatchObject({ code: 51 });
  const { ended } = host.start("STATUS", WAIT);
  first.destroy();
  expect((await ended).code).toBe(0);
});
