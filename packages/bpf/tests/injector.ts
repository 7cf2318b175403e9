/*
 * Frames of any content into a device, as if received: see fixtures/inject.bpf.c. Synchronous: when inject
 * returns, the device's ingress hooks have run.
 */
import { type BpfObject, links, openObject } from "@millrace/native/native";
import type { TestNetns } from "./netns.ts";

const XDP_LIVE_FRAMES = 2;
const XDP_CONTEXT_BYTES = 24;
const SILENT_ADDRESS = Uint8Array.of(2, 2, 2, 2, 2, 2);

export class Injector implements Disposable {
  readonly #object: BpfObject;

  constructor() {
    this.#object = openObject(new URL("../build/test/inject.bpf.o", import.meta.url).pathname);
    this.#object.load();
  }

  /** Addressed to a silent device, whatever address it had. */
  inject(netns: TestNetns, ifindex: number, frame: Uint8Array): void {
    const data = Uint8Array.from(frame);
    data.set(SILENT_ADDRESS.subarray(0, data.length));
    const ctx = Buffer.alloc(XDP_CONTEXT_BYTES);
    ctx.writeUInt32LE(data.length, 4); // data_end
    ctx.writeUInt32LE(ifindex, 12); // ingress_ifindex
    const program = this.#object.program("inject");
    program.testRun({ data, ctx, flags: XDP_LIVE_FRAMES, netns: netns.path, dataOutSize: 0 });
  }

  [Symbol.dispose](): void {
    this.#object.close();
  }
}

/** A veth in the namespace on which nothing moves but what a test injects; its ifindex. */
export function silentDevice(netns: TestNetns): number {
  if (netns.ipv6) throw new Error(`${netns.name} has IPv6, which doesn't keep silent`);
  netns.sh("ip link add eth0 type veth peer name far0");
  netns.sh("ip link set eth0 address 02:02:02:02:02:02");
  for (const device of ["far0", "eth0"]) netns.sh(`ip link set ${device} up`);
  return ifindexOf(netns, "eth0");
}

export function ifindexOf(netns: TestNetns, device: string): number {
  const found = links(netns.path).find((link) => link.name === device);
  if (!found) throw new Error(`no ${device} in ${netns.name}`);
  return found.ifindex;
}
