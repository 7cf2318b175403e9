import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { CNI_LINE_BYTES, type CniAnswer } from "@millrace/contract/cni";
import { describe, expect, onTestFinished, test } from "vitest";
import { gate } from "../testing/fake-attachments.ts";
import { temporaryDirectory, until } from "../testing/temporary.ts";
import { CniServer, type CniServerOptions } from "./server.ts";

type Peer = { socket: net.Socket; read: () => string; over: Promise<void> };

/** Reads until the other side is done, however it ends. */
function peer(socket: string): Peer {
  const connection = net.connect({ path: socket, allowHalfOpen: true });
  onTestFinished(() => void connection.destroy());
  let text = "";
  connection.on("data", (chunk) => (text += chunk));
  connection.on("error", () => {});
  connection.on("end", () => connection.end());
  const over = new Promise<void>((resolve) => connection.on("close", () => resolve()));
  return { socket: connection, read: () => text, over };
}

async function ask(socket: string, ...pieces: (string | Buffer)[]): Promise<string> {
  const { socket: connection, read, over } = peer(socket);
  for (const piece of pieces) connection.write(piece);
  await over;
  return read();
}

const DONE: CniAnswer = { ok: true };
const OK = '{"ok":true}\n';

const freshSocket = () => path.join(temporaryDirectory("cni"), "run", "cni.sock");

async function serving(options: Partial<CniServerOptions> = {}) {
  const lines: string[] = [];
  const socket = options.socket ?? freshSocket();
  const answer = async (line: string) => {
    lines.push(line);
    return DONE;
  };
  const onError = (error: Error) => {
    throw error;
  };
  const server = new CniServer({ answer, onError, ...options, socket });
  onTestFinished(() => server.close());
  await server.listen();
  return { server, socket, lines };
}

describe("the socket", () => {
  test("only its owner can reach it: the directory is 0700, the file 0600", async () => {
    const { socket, server } = await serving();
    expect(fs.statSync(path.dirname(socket)).mode & 0o777).toBe(0o700);
    expect(fs.statSync(socket).mode & 0o777).toBe(0o600);
    await server.close();
    expect(fs.existsSync(socket)).toBe(false);
  });

  test("a directory that others may enter is refused, and stays as it is", async () => {
    const socket = freshSocket();
    fs.mkdirSync(path.dirname(socket), { mode: 0o755 });
    await expect(serving({ socket })).rejects.toThrow("closed to all others (0700)");
    expect(fs.statSync(path.dirname(socket)).mode & 0o777).toBe(0o755);
  });

  test("a dead agent's socket is replaced", async () => {
    const first = await serving();
    // What a killed process leaves: the file, and nobody behind it.
    const kept = `${first.socket}.kept`;
    fs.linkSync(first.socket, kept);
    await first.server.close();
    fs.renameSync(kept, first.socket);
    const { socket } = await serving({ socket: first.socket });
    expect(await ask(socket, "{}\n")).toBe(OK);
  });

  test("a live agent's is not, and neither is a file that is no socket", async () => {
    const { socket } = await serving();
    await expect(serving({ socket })).rejects.toThrow("another agent listens");
    expect(await ask(socket, "{}\n")).toBe(OK);
    const file = path.join(path.dirname(socket), "file");
    fs.writeFileSync(file, "kept");
    await expect(serving({ socket: file })).rejects.toThrow("is no socket");
    expect(fs.readFileSync(file, "utf8")).toBe("kept");
  });
});

describe("a peer", () => {
  test("is answered once, whatever else it says", async () => {
    const { socket, lines } = await serving();
    expect(await ask(socket, '{"a":', '"ä"}\n{"b":1}\n')).toBe(OK);
    expect(lines).toEqual(['{"a":"ä"}']);
  });

  test("that has ended its side still gets its answer", async () => {
    const { socket } = await serving();
    const { socket: connection, read, over } = peer(socket);
    connection.end("{}\n");
    await over;
    expect(read()).toBe(OK);
  });

  test("that says more than a line may have is told so, and the agent doesn't keep it", async () => {
    const { socket, lines } = await serving();
    const answer = await ask(socket, Buffer.alloc(CNI_LINE_BYTES + 1, "x"));
    expect(JSON.parse(answer)).toMatchObject({ ok: false, code: 6 });
    expect(lines).toEqual([]);
    await ask(socket, Buffer.alloc(CNI_LINE_BYTES, "x"), "\n");
    expect(lines.map((line) => line.length)).toEqual([CNI_LINE_BYTES]);
  });

  test("that says half a line and goes is forgotten", async () => {
    const { socket, lines } = await serving();
    const { socket: connection, over } = peer(socket);
    connection.end('{"half');
    await over;
    expect(await ask(socket, "{}\n")).toBe(OK);
    expect(lines).toEqual(["{}"]);
  });

  test("that takes too long over its line is cut off", async () => {
    const { socket, lines } = await serving({ limits: { lineMs: 20 } });
    expect(await ask(socket, '{"half')).toBe("");
    expect(lines).toEqual([]);
  });

  test("that goes away doesn't end the work, and the agent lives on", async () => {
    const { closed, open } = gate();
    let ended = false;
    const answer = async () => {
      await closed;
      ended = true;
      return DONE;
    };
    const { socket, server } = await serving({ answer });
    const { socket: connection, over } = peer(socket);
    connection.write("{}\n", () => connection.destroy());
    await over;
    open();
    await until("the work's end", () => ended);
    expect(await ask(socket, "{}\n")).toBe(OK);
    await server.close();
  });

  test("one too many is turned away, and taken when another has gone", async () => {
    const { socket } = await serving({ limits: { connections: 1 } });
    const first = peer(socket);
    await new Promise<void>((resolve) => first.socket.once("connect", () => resolve()));
    expect(await ask(socket, "{}\n")).toBe("");
    first.socket.write("{}\n");
    await first.over;
    expect(first.read()).toBe(OK);
    expect(await ask(socket, "{}\n")).toBe(OK);
  });
});

describe("a request that takes long", () => {
  test("is told to try again, and goes on", async () => {
    const { closed, open } = gate();
    let ended = 0;
    const answer = async () => {
      await closed;
      ended++;
      return DONE;
    };
    const { socket } = await serving({ answer, limits: { answerMs: 20 } });
    expect(JSON.parse(await ask(socket, "{}\n"))).toMatchObject({ ok: false, code: 11 });
    open();
    await until("the work's end", () => ended === 1);
  });

  test("is answered by an agent that ends, if it comes to its end soon; who hasn't asked yet is let go", async () => {
    const { closed, open } = gate();
    let asked = false;
    const answer = async () => {
      asked = true;
      await closed;
      return DONE;
    };
    const { socket, server } = await serving({ answer });
    const idle = peer(socket);
    idle.socket.write("{");
    const busy = peer(socket);
    busy.socket.write("{}\n");
    await until("the request", () => asked);
    const ending = server.close();
    await idle.over;
    open();
    await Promise.all([busy.over, ending]);
    expect(busy.read()).toBe(OK);
  });

  test("doesn't hold up an agent that ends for ever", async () => {
    let asked = false;
    const answer = () => {
      asked = true;
      return new Promise<never>(() => {});
    };
    const { socket, server } = await serving({ answer, limits: { drainMs: 20 } });
    const { socket: connection, read, over } = peer(socket);
    connection.write("{}\n");
    await until("the request", () => asked);
    await server.close();
    await over;
    expect(read()).toBe("");
  });
});
