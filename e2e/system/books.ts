/**
 * Waits until the database has all that the interfaces have counted, and the books balance. What the interface
 * itself says is read live: a database that is merely behind balances too, at an earlier moment.
 */
import { until } from "./child.ts";
import { accounted, type Balance, balances, type Sum, same } from "./ledger.ts";
import type { Stack } from "./stack.ts";

type Device = Record<Balance["direction"], Sum>;

export class Books {
  readonly #stack: Stack;
  /** What each pod's interface had counted before the agent was there: live counters less the database's,
   *  at their least. A straggler of the pod's own start may make the first reading too large. */
  readonly #before = new Map<string, Device>();

  private constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Before the traffic, with the pods quiet. */
  static async open(stack: Stack, pods: readonly string[]): Promise<Books> {
    const books = new Books(stack);
    for (const pod of pods) {
      await books.settled(pod);
      books.#before.set(pod, await books.#missing(pod));
    }
    return books;
  }

  /** Fails with the last balance seen, so that the class that is off can be read. `deadlineMs`: for all that waits to arrive. */
  async settled(pod: string, deadlineMs = 90_000): Promise<Balance[]> {
    let last: Balance[] = [];
    let missing: Device | undefined;
    const before = this.#before.get(pod);
    await until(
      `the books of ${pod} balance`,
      async () => {
        missing = await this.#missing(pod);
        last = await balances(this.#stack, this.#stack.lab.pod(pod).ip4);
        const still = await this.#missing(pod);
        return last.every(
          (b) =>
            noMore(still[b.direction], (before ?? (missing as Device))[b.direction]) &&
            same(b.device, b.total) &&
            same(accounted(b), b.total),
        );
      },
      {
        deadlineMs,
        everyMs: 500,
        explain: () => `${show({ last, missing, before })}\n${this.#said()}`,
      },
    );
    if (before && missing) this.#before.set(pod, missing);
    return last;
  }

  #said(): string {
    const { ingest, agents } = this.#stack;
    return [ingest, ...agents].map((child) => `--- ${child.name}\n${child.output.slice(-3000)}`).join("\n");
  }

  /** What the interface has counted and the database has not. */
  async #missing(pod: string): Promise<Device> {
    const { lab } = this.#stack;
    const { stdout } = await lab.execInNetns(lab.pod(pod), ["ip", "-j", "-s", "link", "show", "eth0"]);
    const [{ stats64 }] = JSON.parse(stdout);
    const known = await balances(this.#stack, lab.pod(pod).ip4);
    const less = (way: Balance["direction"], counted: { packets: number; bytes: number }): Sum => {
      const device = known.find((b) => b.direction === way)?.device ?? { packets: 0n, bytes: 0n };
      return {
        packets: BigInt(counted.packets) - device.packets,
        bytes: BigInt(counted.bytes) - device.bytes,
      };
    };
    return { egress: less("egress", stats64.tx), ingress: less("ingress", stats64.rx) };
  }
}

const noMore = (a: Sum, b: Sum): boolean => a.packets <= b.packets && a.bytes <= b.bytes;

const show = (all: unknown): string =>
  JSON.stringify(all, (_, value) => (typeof value === "bigint" ? value.toString() : value), 1);
