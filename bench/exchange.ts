/**
 * Traffic from one network namespace to another, both ends on one CPU, in slices on demand. What it sends is
 * traffic/exchange.c's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { at } from "../tools/paths.mjs";

/** Exchanges of one byte; connect, exchange and close; bytes of one connection; datagrams of 18 bytes. */
export type Load = "rr" | "crr" | "bulk" | "udp";

const FIRST_PORT = 5201;

export type Ends = {
  /** Paths of namespaces. */
  readonly client: string;
  readonly server: string;
  /** The server's own, and where the client finds it, when that is another. */
  readonly address: string;
  readonly virtual?: string;
  readonly cpu: number;
};

export class Exchange {
  readonly #server: ChildProcess;
  readonly #client: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(server: ChildProcess, client: ChildProcess) {
    this.#server = server;
    this.#client = client;
    if (!client.stdout) throw new Error("the client has no output");
    this.#lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  }

  static async start({ client, server, address, virtual, cpu }: Ends): Promise<Exchange> {
    const inside = (netns: string, ...args: string[]) =>
      spawn("nsenter", [`--net=${netns}`, at("bench/traffic/build/exchange"), ...args], {
        stdio: ["pipe", "pipe", "inherit"],
      });
    const where = [String(FIRST_PORT), String(cpu)];
    const serving = inside(server, "server", address, ...where);
    await new Promise<void>((resolve, reject) => {
      serving.stdout?.once("data", () => resolve());
      serving.once("exit", () => reject(new Error(`no server at ${address}`)));
    });
    return new Exchange(serving, inside(client, "client", virtual ?? address, ...where));
  }

  /** What the slice did, a second. */
  async slice(load: Load, ms: number): Promise<number> {
    this.#client.stdin?.write(`${load} ${ms}\n`);
    const { value, done: ended } = await this.#lines.next();
    if (ended) throw new Error(`the client of a ${load} slice has ended`);
    const [done = 0, ns = 1] = String(value).split(" ").map(Number);
    return (done / ns) * 1e9;
  }

  end(): void {
    this.#client.kill();
    this.#server.kill();
  }
}
