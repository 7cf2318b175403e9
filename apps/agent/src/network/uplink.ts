/** The device by which this host reaches the others, and what they are told of it. */
import type { Underlay } from "@millrace/contract/network";

export type Uplink = {
  name: string;
  ifindex: number;
  mac: string;
  mtu: number;
  /** Those of global scope. */
  addresses: readonly string[];
  tunnelPort: number;
};

/** Undefined while it has no address that others could reach. */
export function underlayOf({ addresses, mac, mtu, tunnelPort }: Uplink): Underlay | undefined {
  const uplink4 = addresses.find((address) => !address.includes(":")) ?? null;
  const uplink6 = addresses.find((address) => address.includes(":")) ?? null;
  if (uplink4 === null && uplink6 === null) return undefined;
  return { uplink4, uplink6, mac, mtu, vtepPort: tunnelPort };
}
