/**
 * A pod's link in the kernel, a veth or a netkit pair: made down, brought up with addresses and routes once its programs
 * are there, removed by name. What it gets is decided elsewhere (attachment/).
 */
import type { PodLinkKind } from "@millrace/contract/agent-protocol";
import {
  addAddress,
  addRoute,
  BpfError,
  createNetkitPair,
  createVethPair,
  deleteLink,
  links,
  listRoutes,
  netnsCookie,
  readSetting,
  replaceRoute,
  setLink,
  setNeighbour,
  writeSetting,
} from "@millrace/native/native";
import type { LinkFacts, MadePodLink, PodLinkPlace, PodLinkSpec, PodLinks } from "./pod-links.ts";
import { reservePort } from "./reserved-ports.ts";

/** RTPROT: routes of ours are told by it. */
const PROTOCOL = 77;
const GATEWAY_SCOPE = 253;

export class KernelLinks implements PodLinks {
  readonly #hostNetns: string;
  readonly kind: PodLinkKind;
  constructor(hostNetns: string, kind: PodLinkKind) {
    this.#hostNetns = hostNetns;
    this.kind = kind;
  }

  make(spec: PodLinkSpec): MadePodLink {
    const { netns, hostPorts } = spec;
    for (const { port } of hostPorts) reservePort(this.#hostNetns, port);
    const { ifindex, peerIfindex } = this.#pair(spec);
    const macIn = (where: string, index: number) =>
      links(where).find((link) => link.ifindex === index)?.mac ?? "";
    return {
      ...{ cookie: netnsCookie(netns), ifindex: peerIfindex, port: ifindex },
      ...{ hostMac: macIn(this.#hostNetns, ifindex), mac: macIn(netns, peerIfindex) },
    };
  }
  /** A netkit pair is shut by itself: a pod without its programs would reach, and be reached by, whatever the host's stack lets. */
  #pair({ hostName, netns, name, mtu, mac }: PodLinkSpec) {
    const pair = { netns: this.#hostNetns, name: hostName, mtu };
    if (this.kind === "veth") return createVethPair({ ...pair, peer: { netns, name, mac, mtu } });
    return createNetkitPair({ ...pair, policy: "drop", peerPolicy: "drop", peer: { netns, name, mtu } });
  }

  raise(spec: PodLinkSpec, place: PodLinkPlace): void {
    const { netns, name, hostName, addresses } = spec;
    const ip6 = addresses.some(({ address }) => address.includes(":"));
    if (ip6) {
      writeSetting(netns, `net/ipv6/conf/${name}/disable_ipv6`, "0");
      writeSetting(netns, `net/ipv6/conf/${name}/accept_dad`, "0");
      writeSetting(this.#hostNetns, `net/ipv6/conf/${hostName}/disable_ipv6`, "0");
    }
    setLink({ netns: this.#hostNetns, ifindex: place.port, up: true });
    setLink({ netns, name: "lo", up: true });
    setLink({ netns, ifindex: place.ifindex, up: true });
    for (const { address, gateway } of addresses) {
      const whole = address.includes(":") ? 128 : 32;
      const any = whole === 32 ? "0.0.0.0/0" : "::/0";
      addAddress({ netns, ifindex: place.ifindex, address, prefix: whole, noDad: whole === 128 });
      if (whole === 32)
        addRoute({ netns, destination: `${gateway}/32`, ifindex: place.ifindex, scope: GATEWAY_SCOPE });
      addRoute({ netns, destination: any, via: gateway, ifindex: place.ifindex });
      const host = { netns: this.#hostNetns, ifindex: place.port };
      replaceRoute({ ...host, destination: `${address}/${whole}`, protocol: PROTOCOL });
      // The pod isn't asked, so it can't claim to be somebody else. On a netkit pair nobody is: there are no link addresses.
      if (this.kind === "veth") setNeighbour({ ...host, address, mac: spec.mac });
    }
  }

  remove(hostName: string): void {
    try {
      deleteLink({ netns: this.#hostNetns, name: hostName });
    } catch (error) {
      if (!(error instanceof BpfError && error.code === "ENODEV")) throw error;
    }
  }

  kinds(): ReadonlyMap<string, string> {
    return new Map(links(this.#hostNetns).map(({ name, kind }) => [name, kind]));
  }

  facts(netns: string, name: string): LinkFacts | undefined {
    const found = links(netns).find((link) => link.name === name);
    if (!found) return undefined;
    const routes = listRoutes({ netns }).filter(({ ifindex }) => ifindex === found.ifindex);
    const { ifindex, mac, mtu, up } = found;
    const addresses = found.addresses.map(({ address }) => address);
    return {
      ifindex,
      mac,
      mtu,
      up,
      addresses,
      routes: routes.map(({ destination, via }) => ({ destination, via })),
    };
  }

  /** What is needed to carry what leaves for the outside: the host's stack forwards it. */
  forwardThroughHost(): void {
    for (const name of ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"])
      if (readSetting(this.#hostNetns, name).trim() !== "1") writeSetting(this.#hostNetns, name, "1");
  }
}
