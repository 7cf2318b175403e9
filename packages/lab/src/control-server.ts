/**
 * The running lab's end of the control socket. Whoever may open the socket (its owner: mode 0600) may ask;
 * a bad request gets an answer that says so and never ends the lab.
 */
import { chmod } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import {
  ANSWER_LIMIT_BYTES,
  type ControlAnswer,
  type ControlRequest,
  parseRequest,
  REQUEST_LIMIT_BYTES,
} from "./control-protocol.ts";
import type { Lab } from "./lab.ts";

export type Controlled = Pick<Lab, "fault" | "setRate" | "status">;

export class ControlServer {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `onDown` is told when someone asks for the end; the asker sees the connection close when it's done. */
  static async listen(socketPath: string, lab: Controlled, onDown: () => void): Promise<ControlServer> {
    const server = createServer();
    const control = new ControlServer(server);
    server.on("connection", (client) => control.#serve(client, lab, onDown));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, resolve);
    });
    await chmod(socketPath, 0o600);
    return control;
  }

  #serve(client: Socket, lab: Controlled, onDown: () => void): void {
    this.#clients.add(client);
    client.on("close", () => this.#clients.delete(client));
    // A client that goes away mid-answer is its own business.
    client.on("error", () => client.destroy());
    let pending = "";
    let last = Promise.resolve();
    client.setEncoding("utf8");
    client.on("data", (part: string) => {
      pending += part;
      for (let end = pending.indexOf("\n"); end >= 0; end = pending.indexOf("\n")) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        last = last.then(async () => {
          const answer = await answerLine(line, lab, onDown);
          client.write(`${JSON.stringify(answer)}\n`);
        });
      }
      if (pending.length > REQUEST_LIMIT_BYTES) client.destroy();
      this.#hold(client, last);
    });
  }

  /** Takes no more questions than it has answered, nor from one who asks and doesn't listen. */
  #hold(client: Socket, answered: Promise<void>): void {
    client.pause();
    void answered.then(() => {
      if (client.writableLength > ANSWER_LIMIT_BYTES) client.destroy();
      else client.resume();
    });
  }

  /** A client that doesn't hang up must not keep the lab's process. */
  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.end().unref();
  }
}

async function answerLine(line: string, lab: Controlled, onDown: () => void): Promise<ControlAnswer> {
  try {
    return { ok: true, result: await answer(parseRequest(line), lab, onDown) };
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
}

async function answer(request: ControlRequest, lab: Controlled, onDown: () => void): Promise<unknown> {
  if (request.ask === "fault") await lab.fault(request.name, request.on);
  if (request.ask === "rate") await lab.setRate(request.ratePerSecond);
  if (request.ask === "down") onDown();
  return lab.status();
}
