/** The control socket against clients that mean no good, or hang on. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askLab } from "./control-client.ts";
import { type Controlled, ControlServer } from "./control-server.ts";
import type { LabStatus } from "./status.ts";

const status: LabStatus = {
  ...{ name: "x", stateDirectory: "/x", pid: 1, ratePerSecond: 20, filled: true, faults: [], hosts: [] },
};
let folder: string;
let socketPath: string;
let server: ControlServer;
let switched: string[];
let asked: number;
let clients: Socket[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "lab-control-"));
  socketPath = path.join(folder, "control.sock");
  switched = [];
  asked = 0;
  clients = [];
  const lab: Controlled = {
    fault: async (name, on) => void switched.push(`${name} ${on}`),
    setRate: async () => {},
    status: () => {
      asked++;
      return status;
    },
  };
  server = await ControlServer.listen(socketPath, lab, () => {});
});
afterEach(() => {
  server.close();
  for (const client of clients) client.destroy();
  rmSync(folder, { recursive: true, force: true });
});

async function connected(): Promise<Socket> {
  const client = createConnection({ path: socketPath, allowHalfOpen: true });
  client.on("error", () => {});
  clients.push(client);
  await once(client, "connect");
  return client;
}

test("only its owner may open it", () => {
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
});

test("what isn't a request is answered as such, and the next one is served", async () => {
  const client = await connected();
  const noise = [
    "\0\0\0",
    "[".repeat(4000),
    '{"__proto__":{"ask":"down"}}',
    '{"ask":"fault","name":"toString","on":true}',
  ];
  client.write(Buffer.from([0xff, 0xfe, 0x0a]));
  client.write(`${noise.join("\n")}\n{"ask":"fault","name":"crash-loop","on":true}\n`);
  let said = "";
  client.setEncoding("utf8").on("data", (part: string) => {
    said += part;
    if (said.split("\n").length > noise.length + 2) client.emit("all");
  });
  await once(client, "all");
  const answers = said
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).ok);
  expect(answers).toEqual([...noise.map(() => false), false, true]);
  expect(switched).toEqual(["crash-loop true"]);
});

/** The server has hung up: it said so, or writing to it fails. */
const hungUp = (client: Socket): Promise<void> =>
  new Promise((resolve) => {
    for (const event of ["end", "error", "close"]) client.once(event, () => resolve());
  });

test("a request without an end is cut off, and the lab goes on", async () => {
  const client = await connected();
  client.write("x".repeat(10_000));
  client.resume();
  await hungUp(client);
  expect(await askLab(socketPath, { ask: "status" })).toEqual(status);
});

test("one who asks and never listens is answered only so far", async () => {
  const client = await connected();
  const ended = hungUp(client);
  const line = `${JSON.stringify({ ask: "status" })}\n`;
  const flood = () => {
    while (!client.destroyed && client.write(line.repeat(1_000)));
  };
  client.pause().on("drain", flood);
  flood();
  await ended;
  const answerBytes = JSON.stringify({ ok: true, result: status }).length;
  expect(asked * answerBytes).toBeLessThan(8 * 1024 * 1024);
  expect(await askLab(socketPath, { ask: "status" })).toEqual(status);
});

/** A process with nothing but a control socket, which it closes when asked for the end. */
const controlled = `
  const { ControlServer } = await import(${JSON.stringify(path.join(import.meta.dirname, "control-server.ts"))});
  const lab = { status: () => ({}) };
  const server = await ControlServer.listen(process.argv[1], lab, () => setImmediate(() => server.close()));
  console.log("up");
`;

test("a client that doesn't hang up does not keep the process of a lab that ended", async () => {
  socketPath = path.join(folder, "other.sock");
  const argv = ["--import", "tsx", "--input-type=module", "-e", controlled, socketPath];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    const client = await connected();
    client.resume();
    const exited = once(child, "exit");
    client.write('{"ask":"down"}\n');
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});
