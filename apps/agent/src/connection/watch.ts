/**
 * The server's hints that something changed: one long answer of server-sent events. A hint is worth nothing
 * by itself; the receiver reads anew. Reconnects by its own backoff; a server without it costs nothing but
 * the delay of polling.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { ControlSignal } from "@millrace/contract/agent-protocol";
import { Backoff } from "./backoff.ts";
import type { ControlPlane } from "./client.ts";

const MAX_LINE = 16 << 10;
/** The server pings; an answer silent for longer is taken for dead. */
const SILENCE_MS = 60_000;

export type ControlWatchOptions = {
  client: ControlPlane;
  random: () => number;
  on: (what: ControlSignal["what"]) => void;
};

export class ControlWatch {
  readonly #o: ControlWatchOptions;
  readonly #backoff: Backoff;
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #open = false;

  constructor(options: ControlWatchOptions) {
    this.#o = options;
    this.#backoff = new Backoff({ firstMs: 1000, limitMs: 60_000, random: options.random });
  }
  start(): void {
    if (this.#open) return;
    this.#open = true;
    this.#connect();
  }
  stop(): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  #connect(): void {
    const request = this.#o.client.server.open(
      {
        ...{ method: "GET", path: "/trpc/control.watch", timeoutMs: SILENCE_MS, maxBytes: MAX_LINE },
        headers: { accept: "text/event-stream", ...this.#o.client.authorization() },
      },
      (response) => this.#read(response),
    );
    this.#request = request;
    request.setTimeout(SILENCE_MS, () => request.destroy());
    request.on("error", () => {}); // close follows, and with it the next try
    request.on("close", () => this.#again());
    request.end();
  }

  #again(): void {
    if (!this.#open) return;
    this.#timer = setTimeout(() => this.#connect(), this.#backoff.failed());
    this.#timer.unref();
  }

  #read(response: IncomingMessage): void {
    if (response.statusCode !== 200) {
      response.destroy();
      return;
    }
    this.#backoff.succeeded();
    let line = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      const lines = (line + chunk).split("\n");
      line = lines.pop() ?? "";
      for (const whole of lines) this.#take(whole);
      if (line.length > MAX_LINE) response.destroy();
    });
    response.on("error", () => {});
  }

  #take(line: string): void {
    if (!line.startsWith("data:")) return;
    const signal = ControlSignal.safeParse(parse(line.slice(5))).data;
    if (signal) this.#o.on(signal.what);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
