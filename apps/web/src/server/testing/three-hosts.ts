/** Three hosts that are online, for tests of what hosts are told of each other's. Test material. */
import type { HostChannel } from "../bus.ts";
import { heardHosts } from "./heard-hosts.ts";
import { anUnderlay, onlineHost } from "./hosts.ts";

export const NAMES = ["h1", "h2", "h3"] as const;
export type Name = (typeof NAMES)[number];
/** There once `threeHostsOnline` has been waited for. */
export const hosts = {} as Record<Name, { hostId: number; hostName: string }>;

export async function threeHostsOnline(): Promise<void> {
  for (const name of NAMES) hosts[name] = { hostId: await onlineHost(name), hostName: name };
}
export const underlayOf = (name: Name) => anUnderlay({ uplink4: `192.0.2.${NAMES.indexOf(name) + 1}` });
/** Who of them was told since its last call. */
export const heardThree = (channel: HostChannel): (() => Promise<string[]>) =>
  heardHosts(channel, () => new Map(NAMES.map((name) => [hosts[name].hostId, name])));
