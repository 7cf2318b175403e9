/*
 * Stands in for the agent where packets come up because something isn't known: it learns what the test says, and puts them
 * back. The agent's own handling of them is tested with the agent.
 */
import { type BpfLink, setLink, TunDevice, writeSetting } from "@millrace/native/native";
import { attachAt } from "./device-side.ts";
import type { TestHost } from "./forwarder.ts";
import { viewOf } from "./observer.ts";

const NAME = "punt0";

export class Asker {
  /** What is learned with the next packet. */
  learn: () => void = () => {};
  /** Packets that came up. */
  count = 0;
  readonly #tun: TunDevice;
  readonly #hook: BpfLink;

  constructor(host: TestHost) {
    const netns = host.netns.path;
    this.#tun = TunDevice.open({ netns, name: NAME, mtu: 65_535, queueLength: 64 }, (batch) =>
      this.#take(batch),
    );
    const { ifindex } = this.#tun;
    writeSetting(netns, `net/ipv6/conf/${NAME}/disable_ipv6`, "1");
    this.#hook = host.object
      .program("punt_ingress")
      .attach(attachAt({ ifindex, netns, direction: "ingress" }));
    setLink({ netns, ifindex, up: true });
    host.punt = ifindex;
    host.commit();
  }

  #take(batch: Uint8Array): void {
    for (let at = 0; at < batch.length; ) {
      const length = viewOf(batch).getUint32(at, true);
      this.count++;
      this.learn();
      this.#tun.write(batch.slice(at + 8, at + 8 + length));
      at += 8 + Math.ceil(length / 8) * 8;
    }
  }

  async close(): Promise<void> {
    this.#hook.close();
    await this.#tun.close();
  }
}
