// The translated connections of one network namespace (NAT by netfilter): a dump and the news since, as fixed-size
// records that are read by offset. Holds no table of them and decides nothing.
import * as args from "./args.ts";
import { binding, type NativeConntrackWatch } from "./binding.ts";

/**
 * A record's layout in bytes. A tuple is 16 bytes of source, 16 of destination, two ports in network order; IPv4 as
 * ::ffff:a.b.c.d. `op`: 1 new, 2 destroyed. An ICMP echo's identifier stands in the place of its opener's port.
 */
export const CONNTRACK_RECORD = { size: 76, op: 0, proto: 1, orig: 4, reply: 40 } as const;

export class ConntrackWatch {
  readonly #handle: NativeConntrackWatch;

  /** Throws where the kernel has no conntrack netlink, or forbids it. Keeps the namespace alive until close(). */
  constructor(nsPath?: string) {
    this.#handle = new binding.ConntrackWatch(args.optionalText(nsPath, "ConntrackWatch path"));
  }

  /** All there are now, at most `most`; `left` says how many more. */
  dump(most: number): { bytes: Uint8Array; left: number } {
    return this.#handle.dump(args.integer(most, "ConntrackWatch.dump most", 1, 0xffff_ffff));
  }

  /** The news since the last read, without waiting. `overran`: some were missed, dump again. */
  read(): { bytes: Uint8Array; overran: boolean } {
    return this.#handle.read();
  }

  close(): void {
    this.#handle.close();
  }
}
