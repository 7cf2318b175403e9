/**
 * The ways there are without Millrace, each in namespaces of its own: the limit that all are measured against, and what
 * hosts use instead, but for Open vSwitch and IPVS. Addresses repeat: no variant can reach another's.
 */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { links, openObject } from "@millrace/native/native";
import { TestNetns } from "../../packages/bpf/tests/netns.ts";
import { at } from "../../tools/paths.mjs";
import type { Variant } from "./variant.ts";

export const CLIENT = "10.9.1.2";
export const SERVER = "10.9.2.2";
export const VIRTUAL = "10.96.0.1";
export const VXLAN_MTU = 1450;

/** A pod's namespace on a veth pair whose other end, `device`, is the host's. */
export function pod(host: TestNetns, name: string, device: string): TestNetns {
  const netns = new TestNetns(`bench-${name}`);
  host.sh(`ip link add ${device} type veth peer name eth0 netns ${netns.name}`);
  host.sh(`ip link set ${device} up`);
  netns.sh("ip link set eth0 up");
  return netns;
}
export const variantOf = (name: string, what: string, client: TestNetns, server: TestNetns): Variant => ({
  ...{ name, what, client: client.path, server: server.path, address: SERVER },
});

/** Of all ways that this process made, also one that failed half-way. */
export function removeNamespaces(): void {
  for (const name of readdirSync("/run/netns"))
    if (name.startsWith(`bpft-${process.pid}-`)) execFileSync("ip", ["netns", "del", name]);
}

/** One veth pair from end to end: between two pods of a host the limit, and between two hosts the bare wire. */
export function bare(name: string, what: string): Variant {
  const [client, server] = [new TestNetns("bench-client"), new TestNetns("bench-server")];
  client.sh(`ip link add eth0 type veth peer name eth0 netns ${server.name}`);
  for (const [netns, address] of [
    [client, CLIENT],
    [server, SERVER],
  ] as const) {
    netns.sh(`ip addr add ${address}/16 dev eth0`);
    netns.sh("ip link set eth0 up");
  }
  return variantOf(name, what, client, server);
}

/** The same with a program at each end that lets everything pass. */
export function floor(): Variant {
  const variant = bare("floor", "the floor: a bare pair with an empty program at each end");
  const object = openObject(at("packages/bpf/build/test/empty.bpf.o"));
  object.load();
  const attached = [variant.client, variant.server].map((netns) => {
    const ifindex = links(netns).find(({ name }) => name === "eth0")?.ifindex ?? 0;
    return object.program("endpoint_ingress").attach({ kind: "tcx", ifindex, direction: "ingress", netns });
  });
  const end = () => {
    for (const link of attached) link.close();
    object.close();
  };
  return { ...variant, end };
}

export function bridge(): Variant {
  const host = new TestNetns("bench-host");
  host.sh("ip link add br0 type bridge");
  host.sh("ip link set br0 up");
  const [client, server] = [pod(host, "client", "c0"), pod(host, "server", "s0")];
  for (const device of ["c0", "s0"]) host.sh(`ip link set ${device} master br0`);
  client.sh(`ip addr add ${CLIENT}/16 dev eth0`);
  server.sh(`ip addr add ${SERVER}/16 dev eth0`);
  return variantOf("bridge", "same host: linux bridge", client, server);
}

export function routedPods(name: string, what: string): { host: TestNetns; variant: Variant } {
  const host = new TestNetns("bench-host");
  host.sh("sysctl -qw net.ipv4.ip_forward=1");
  const [client, server] = [pod(host, "client", "c0"), pod(host, "server", "s0")];
  for (const [netns, device, address] of [
    [client, "c0", CLIENT],
    [server, "s0", SERVER],
  ] as const) {
    const gateway = address.replace(/2$/, "1");
    host.sh(`ip addr add ${gateway}/24 dev ${device}`);
    netns.sh(`ip addr add ${address}/24 dev eth0`);
    netns.sh(`ip route add default via ${gateway}`);
  }
  return { host, variant: variantOf(name, what, client, server) };
}
export const routing = (): Variant => routedPods("routing", "same host: kernel routing").variant;

/** As a service's virtual address is done with it, and its clients' addresses are hidden. */
export function iptablesNat(): Variant {
  const { host, variant } = routedPods(
    "iptables",
    "same host: kernel routing with iptables NAT of a service",
  );
  host.sh(`iptables -t nat -A PREROUTING -d ${VIRTUAL} -j DNAT --to-destination ${SERVER}`);
  host.sh(`iptables -t nat -A POSTROUTING -s ${CLIENT} -j MASQUERADE`);
  return { ...variant, virtual: VIRTUAL };
}

export function nftables(): Variant {
  const { host, variant } = routedPods("nftables", "same host: kernel routing with an nftables policy");
  const rules = `table inet admitted {
    chain forward {
      type filter hook forward priority filter; policy drop;
      ct state established,related accept
      ip saddr ${CLIENT} ip daddr ${SERVER} meta l4proto { tcp, udp } th dport 5201-5204 accept
    }
  }`;
  execFileSync("nsenter", [`--net=${host.path}`, "nft", "-f", "-"], { input: rules });
  return variant;
}

/** Two hosts on a wire, a pod on each. */
export function twoHosts(name: string, what: string) {
  const [near, far] = [new TestNetns("bench-near"), new TestNetns("bench-far")];
  near.sh(`ip link add up0 type veth peer name up0 netns ${far.name}`);
  for (const [host, last] of [
    [near, 1],
    [far, 2],
  ] as const) {
    host.sh("sysctl -qw net.ipv4.ip_forward=1");
    host.sh(`ip addr add 10.200.0.${last}/24 dev up0`);
    host.sh("ip link set up0 up");
  }
  const [client, server] = [pod(near, "client", "c0"), pod(far, "server", "s0")];
  return { near, far, client, server, variant: variantOf(name, what, client, server) };
}

export function routingBetween(): Variant {
  const { near, far, client, server, variant } = twoHosts("routing2", "between hosts: kernel routing");
  for (const [host, netns, device, address, other] of [
    [near, client, "c0", CLIENT, 2],
    [far, server, "s0", SERVER, 1],
  ] as const) {
    const gateway = address.replace(/2$/, "1");
    host.sh(`ip addr add ${gateway}/24 dev ${device}`);
    netns.sh(`ip addr add ${address}/24 dev eth0`);
    netns.sh(`ip route add default via ${gateway}`);
    host.sh(`ip route add 10.9.${other}.0/24 via 10.200.0.${other}`);
  }
  return variant;
}

export function bridgeVxlan(): Variant {
  const { near, far, client, server, variant } = twoHosts(
    "vxlan",
    "between hosts: linux bridge and kernel VXLAN",
  );
  for (const [host, netns, device, address, other] of [
    [near, client, "c0", CLIENT, 2],
    [far, server, "s0", SERVER, 1],
  ] as const) {
    host.sh("ip link add br0 type bridge");
    host.sh(`ip link add vx0 type vxlan id 7 dstport 4789 remote 10.200.0.${other} dev up0`);
    for (const port of ["vx0", device]) host.sh(`ip link set ${port} master br0 up`);
    host.sh("ip link set br0 up");
    netns.sh(`ip addr add ${address}/16 dev eth0`);
    netns.sh(`ip link set eth0 mtu ${VXLAN_MTU}`);
  }
  return variant;
}
