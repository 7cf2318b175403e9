/**
 * Stands in one network namespace, answers whoever opens a connection there, and opens connections when told to: a line of
 * JSON each on standard input, its outcome a line on standard output (probe.ts has both shapes). A program of its own, in
 * plain Node, so that one in each namespace starts in a moment. It ends with its standard input.
 */
import { createSocket } from "node:dgram";
import net from "node:net";
import { createInterface } from "node:readline";
import type { Listener, Outcome, ProbeAnswer, ProbeWish } from "./probe.ts";

/** A datagram may be lost without anything being wrong: it is sent again, on the same flow. */
const AGAIN_MS = 1_000;

const { name, listen } = JSON.parse(process.argv[2] ?? "{}") as { name: string; listen: Listener[] };
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

// ---- answering ----

/** It says its name, then gives back all it gets. */
function answerTcp({ address, port }: Listener): Promise<number> {
  const server = net.createServer({ allowHalfOpen: false }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** Its name, filled up to the length of what it got: an answer is as hard to carry as the question. */
function answerUdp({ address, port }: Listener): Promise<number> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (message, from) => {
    const answer = Buffer.alloc(Math.max(message.length, name.length + 1), "\n");
    answer.write(name);
    socket.send(answer, from.port, from.address, () => {});
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.on("error", () => {}); // what came back for an answer
      resolve(socket.address().port);
    });
  });
}

// ---- asking ----

type Attempt = { sourcePort: number; sent: number };
type End = (outcome: Outcome, by?: string | null) => void;

const OUTCOMES: Record<string, Outcome> = {
  ...{ ECONNREFUSED: "refused", EHOSTUNREACH: "unreachable", ENETUNREACH: "unreachable" },
};
const failed =
  (end: End) =>
  (error: NodeJS.ErrnoException): void =>
    end(OUTCOMES[error.code ?? ""] ?? "broken", error.code ?? error.message);

function tryTcp({ to, port, sourcePort, bytes }: ProbeWish, attempt: Attempt, end: End): () => void {
  const socket = net.connect({ host: to, port, ...(sourcePort > 0 && { localPort: sourcePort }) });
  let read = Buffer.alloc(0);
  socket.once("connect", () => {
    attempt.sourcePort = socket.localPort ?? sourcePort;
    attempt.sent = 1;
    socket.write(Buffer.alloc(bytes, "x"));
  });
  socket.on("data", (data) => {
    read = Buffer.concat([read, data]);
    const line = read.indexOf("\n");
    if (line >= 0 && read.length >= line + 1 + bytes) end("answered", read.toString("utf8", 0, line));
  });
  socket.on("end", () => end("broken", "closed"));
  socket.on("error", failed(end));
  return () => void socket.destroy();
}

function tryUdp({ to, port, sourcePort, bytes }: ProbeWish, attempt: Attempt, end: End): () => void {
  const socket = createSocket(to.includes(":") ? "udp6" : "udp4");
  const message = Buffer.alloc(bytes, "?");
  const send = (): void => {
    attempt.sent += 1;
    socket.send(message, (error) => error && failed(end)(error));
  };
  let again: NodeJS.Timeout | undefined;
  socket.on("error", failed(end));
  socket.on("message", (answer) => {
    const by = answer.toString("utf8").split("\n", 1)[0] ?? "";
    if (answer.length >= bytes) end("answered", by);
    else end("broken", `${answer.length} of ${bytes} bytes came back`);
  });
  socket.bind(sourcePort, () => {
    attempt.sourcePort = socket.address().port;
    socket.connect(port, to, (error?: Error) => {
      if (error) return failed(end)(error);
      send();
      again = setInterval(send, AGAIN_MS);
    });
  });
  return () => {
    clearInterval(again);
    socket.close();
  };
}

function begin(wish: ProbeWish): void {
  const attempt: Attempt = { sourcePort: wish.sourcePort, sent: 0 };
  let isOver = false;
  const end: End = (outcome, by = null) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(overdue);
    letGo();
    say({ n: wish.n, outcome, by, ...attempt } satisfies ProbeAnswer);
  };
  const overdue = setTimeout(() => end("silent"), wish.waitMs);
  const letGo = (wish.transport === "tcp" ? tryTcp : tryUdp)(wish, attempt, end);
}

const ports = await Promise.all(
  listen.map((one) => (one.transport === "tcp" ? answerTcp(one) : answerUdp(one))),
);
say({ ready: ports });
createInterface(process.stdin)
  .on("line", (line) => begin(JSON.parse(line) as ProbeWish))
  .on("close", () => process.exit(0));
