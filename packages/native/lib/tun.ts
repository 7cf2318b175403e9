// A tun device: what the kernel sends to it comes here in batches, what is written here arrives in the kernel as received
// on it. A packet is a struct virtio_net_hdr of 10 bytes and what begins at the IP header; handed back with the header it
// came with, one that is still to be segmented stays whole. Looks into neither.
import * as args from "./args.ts";
import { binding, type NativeTun, type TunCounts } from "./binding.ts";
import * as net from "./net-args.ts";
import { deliver } from "./ring-reader.ts";

export const VNET_HEADER_BYTES = 10;

export interface TunOptions {
  /** Kept alive until close(). */
  netns?: string;
  name: string;
  mtu: number;
  /** Packets the kernel holds until they are read; what it drops beyond is the link's `tx_dropped`. */
  queueLength: number;
}

export class TunDevice {
  readonly name: string;
  readonly ifindex: number;
  readonly #native: NativeTun;
  #closed: Promise<void> | undefined;

  private constructor(name: string, handle: NativeTun) {
    this.name = name;
    this.ifindex = handle.ifindex();
    this.#native = handle;
  }

  /**
   * Makes the device, which is down, and reads it until close(); keeps the process alive as long. EBUSY when there is a
   * device of this name. A batch is packets as a RingReader's records: u32 length, u32 zero, packet, padding to 8.
   */
  static open(options: TunOptions, onBatch: (batch: Uint8Array) => void): TunDevice {
    const where = "TunDevice.open";
    args.required(options, where, ["netns", "name", "mtu", "queueLength"]);
    args.callback(onBatch, `${where} onBatch`);
    const name = net.deviceName(options.name, `${where} name`);
    const handle = new binding.Tun(
      args.optionalText(options.netns, `${where} netns`),
      name,
      args.integer(options.mtu, `${where} mtu`, 68, 65_535),
      args.integer(options.queueLength, `${where} queueLength`, 1, 1 << 20),
      (batch) => deliver(() => onBatch(batch)),
    );
    return new TunDevice(name, handle);
  }

  /** Without waiting; false when the kernel still holds too much of what was written. EIO while the device is down. */
  write(packet: Uint8Array): boolean {
    return this.#native.write(args.atLeastBytes(packet, "TunDevice.write packet", VNET_HEADER_BYTES + 1));
  }

  /** Packets since the start, readable after close() too: handed over, written, and dropped for want of a reader. */
  counts(): TunCounts {
    return this.#native.counts();
  }

  /** Resolves when the device is gone. */
  close(): Promise<void> {
    this.#closed ??= this.#native.close();
    return this.#closed;
  }
}
