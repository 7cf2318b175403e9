/** Pods' links in memory, which fail where a test says. For tests only. */
import type { PodLinkKind } from "@millrace/contract/agent-protocol";
import type { LinkFacts, MadePodLink, PodLinkSpec, PodLinks } from "../dataplane/pod-links.ts";

export class FakeLinks implements PodLinks {
  kind: PodLinkKind = "veth";
  readonly made = new Map<string, PodLinkSpec & { kind: PodLinkKind; place: MadePodLink; up: boolean }>();
  failAt: "make" | "raise" | undefined;
  #next = 10;

  make(spec: PodLinkSpec): MadePodLink {
    if (this.failAt === "make") throw new Error("no device for you");
    if (this.made.has(spec.hostName)) throw new Error("EEXIST");
    const place = {
      cookie: cookieOf(spec.netns),
      ifindex: this.#next++,
      port: this.#next++,
      hostMac: "02:00:00:00:00:aa",
      mac: this.kind === "veth" ? spec.mac : "00:00:00:00:00:00",
    };
    this.made.set(spec.hostName, { ...spec, kind: this.kind, place, up: false });
    return place;
  }
  raise(spec: PodLinkSpec): void {
    if (this.failAt === "raise") throw new Error("no address for you");
    const link = this.made.get(spec.hostName);
    if (link) link.up = true;
  }
  remove(hostName: string): void {
    this.made.delete(hostName);
  }
  kinds(): ReadonlyMap<string, string> {
    return new Map([...this.made].map(([name, { kind }]) => [name, kind]));
  }
  facts(netns: string, name: string): LinkFacts | undefined {
    const link = [...this.made.values()].find((one) => one.netns === netns && one.name === name);
    if (!link) return undefined;
    const addresses = link.addresses.map(({ address }) => address);
    return {
      ifindex: link.place.ifindex,
      mac: link.place.mac,
      mtu: link.mtu,
      up: link.up,
      addresses,
      routes: [],
    };
  }
}

/** Of a namespace's path, such as /run/netns/7. */
export function cookieOf(netns: string): bigint {
  const number = /\d+$/.exec(netns)?.[0];
  if (number === undefined) throw new Error(`no namespace at ${netns}`);
  return BigInt(number);
}
