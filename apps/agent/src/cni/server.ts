/**
 * The socket where the CNI plugin asks: one line, one answer, the end. Everything a peer can do is bounded: how many there
 * are, how long a line is, how long it takes to send one. What a request means is the handler's.
 */
import fs from "node:fs";
import net from "node:net";
import { CNI_CODES, CNI_LINE_BYTES, type CniAnswer } from "@millrace/contract/cni";
import { ensurePrivateDirectory, removeStaleSocket } from "./socket-file.ts";

export type CniLimits = {
  connections: number;
  /** From the connection to the end of the line. */
  lineMs: number;
  /** From the line to the answer. The work goes on beyond it, and a plugin that asks again waits for its end. */
  answerMs: number;
  /** How long requests under way may hold up the agent's end. */
  drainMs: number;
};
/** The plugin waits longer than `answerMs` (kAnswerLimit in packages/cni/src/agent.cc). */
const LIMITS: CniLimits = { connections: 256, lineMs: 5000, answerMs: 30_000, drainMs: 5000 };

export type CniServerOptions = {
  socket: string;
  /** Never throws. */
  answer: (line: string) => Promise<CniAnswer>;
  /** A connection that couldn't be taken. */
  onError: (error: Error) => void;
  limits?: Partial<CniLimits>;
};

const TOO_LATE: CniAnswer = {
  ...{ ok: false, code: CNI_CODES.TRY_AGAIN, message: "the agent is still at it" },
  details: "the request takes longer than it should; it goes on",
};
const TOO_LONG: CniAnswer = {
  ...{ ok: false, code: CNI_CODES.UNDECODABLE, message: "the request is too long" },
  details: `a request has at most ${CNI_LINE_BYTES} bytes`,
};

export class CniServer {
  readonly #o: CniServerOptions;
  readonly #limits: CniLimits;
  readonly #server: net.Server;
  /** True while the peer's request is under way. */
  readonly #open = new Map<net.Socket, boolean>();

  constructor(options: CniServerOptions) {
    this.#o = options;
    this.#limits = { ...LIMITS, ...options.limits };
    // A peer that has said all it wants to say may still read.
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => this.#welcome(socket));
    this.#server.maxConnections = this.#limits.connections;
  }

  async listen(): Promise<void> {
    const { socket } = this.#o;
    ensurePrivateDirectory(socket);
    await removeStaleSocket(socket);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(socket, () => resolve());
    });
    this.#server.removeAllListeners("error").on("error", this.#o.onError);
    fs.chmodSync(socket, 0o600);
  }

  /** Takes nobody any more and removes the file; lets what is under way end, if it does so soon. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const [socket, busy] of this.#open) if (!busy) socket.destroy();
    const patience = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
    }, this.#limits.drainMs);
    await closed;
    clearTimeout(patience);
  }

  #welcome(socket: net.Socket): void {
    this.#open.set(socket, false);
    const slow = setTimeout(() => socket.destroy(), this.#limits.lineMs);
    socket.on("close", () => {
      clearTimeout(slow);
      this.#open.delete(socket);
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy()); // half a line is none
    const chunks: Buffer[] = [];
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      const end = chunk.indexOf("\n");
      chunks.push(chunk);
      bytes += end < 0 ? chunk.length : end;
      if (end < 0 && bytes <= CNI_LINE_BYTES) return;
      clearTimeout(slow);
      socket.pause().removeAllListeners("data").removeAllListeners("end");
      void this.#serve(socket, Buffer.concat(chunks, bytes));
    });
  }

  async #serve(socket: net.Socket, line: Buffer): Promise<void> {
    this.#open.set(socket, true);
    const answer = line.length > CNI_LINE_BYTES ? TOO_LONG : await this.#inTime(line.toString());
    socket.end(`${JSON.stringify(answer)}\n`);
    socket.destroySoon();
  }

  #inTime(line: string): Promise<CniAnswer> {
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(TOO_LATE), this.#limits.answerMs);
      void this.#o.answer(line).then((answer) => {
        clearTimeout(late);
        resolve(answer);
      });
    });
  }
}
