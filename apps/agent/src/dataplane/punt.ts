/**
 * The device by which packets of unknown way come up to the agent and go back: a tun with our program at its ingress.
 * It lives as long as this process; without it such packets are dropped, and counted.
 */
import {
  BpfError,
  type BpfLink,
  type BpfProgram,
  setLink,
  TunDevice,
  writeSetting,
} from "@millrace/native/native";
import type { PuntDevice } from "./dataplane.ts";
import type { AttachAt } from "./device-hook.ts";

const NAME = "mrpunt";
const MTU = 65_535;
const QUEUE_PACKETS = 1024;

export class TunPunt implements PuntDevice {
  readonly ifindex: number;
  readonly #tun: TunDevice;
  readonly #hook: BpfLink;

  constructor(
    hostNetns: string,
    program: BpfProgram,
    attachAt: AttachAt,
    onPackets: (batch: Uint8Array) => void,
  ) {
    const tun = { netns: hostNetns, name: NAME, mtu: MTU, queueLength: QUEUE_PACKETS };
    this.#tun = TunDevice.open(tun, onPackets);
    this.ifindex = this.#tun.ifindex;
    // Nothing but what we put there: the kernel would ask for routers and groups.
    writeSetting(hostNetns, `net/ipv6/conf/${NAME}/disable_ipv6`, "1");
    const side = { ifindex: this.ifindex, netns: hostNetns, direction: "ingress" } as const;
    this.#hook = program.attach(attachAt(side));
    setLink({ netns: hostNetns, ifindex: this.ifindex, up: true });
  }
  write(packet: Uint8Array): boolean {
    try {
      return this.#tun.write(packet);
    } catch (error) {
      if (error instanceof BpfError) return false; // what it was made of isn't a packet to the kernel
      throw error;
    }
  }
  async close(): Promise<void> {
    this.#hook.close();
    await this.#tun.close();
  }
}
