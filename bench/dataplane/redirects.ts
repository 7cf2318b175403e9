/**
 * From pod to pod over veth by the least program that takes a packet there: what the kernel's own part of each way costs,
 * below which no dataplane can come.
 */
import { type BpfObject, links, openObject } from "@millrace/native/native";
import { TestNetns } from "../../packages/bpf/tests/netns.ts";
import { u32 } from "../../packages/bpf/tests/observer.ts";
import { addressBytes } from "../../packages/bpf/tests/packet-builder.ts";
import { at } from "../../tools/paths.mjs";
import { CLIENT, pod, SERVER, twoHosts, VXLAN_MTU, variantOf } from "./peers.ts";
import type { Variant } from "./variant.ts";

export function address(client: TestNetns, server: TestNetns): void {
  for (const [netns, own] of [
    [client, CLIENT],
    [server, SERVER],
  ] as const) {
    netns.sh(`ip addr add ${own}/16 dev eth0`);
    netns.sh("ip link set eth0 up");
  }
}

export const indexOf = (netns: TestNetns, device: string): number =>
  links(netns.path).find(({ name }) => name === device)?.ifindex ?? 0;

type To = { device: string; hop?: string };

/** Programs that send there: to a device of the host's, or by one to the other host. */
export function redirecting(host: TestNetns, { device, hop }: To): BpfObject {
  const object = openObject(at("packages/bpf/build/test/redirect.bpf.o"));
  object.setRodata(".rodata", "redirect_to", u32(indexOf(host, device)));
  if (hop) object.setRodata(".rodata", "redirect_hop", addressBytes(hop).slice(12));
  object.load();
  return object;
}

/** At ingress of the device; until what is given back is called. */
function attach(host: TestNetns, from: string, program: string, to: To): () => void {
  const object = redirecting(host, to);
  const where = { ifindex: indexOf(host, from), netns: host.path };
  const link = object.program(program).attach({ kind: "tcx", direction: "ingress", ...where });
  return () => {
    link.close();
    object.close();
  };
}
const ending = (variant: Variant, ends: readonly (() => void)[]): Variant => ({
  ...variant,
  end: () => {
    for (const end of ends) end();
  },
});

export function vethRedirect(): Variant {
  const host = new TestNetns("bench-host");
  const [client, server] = [pod(host, "client", "c0"), pod(host, "server", "s0")];
  address(client, server);
  return ending(variantOf("veth-redirect", "pod to pod over veth by a redirect alone", client, server), [
    attach(host, "c0", "redirect_to_peer", { device: "s0" }),
    attach(host, "s0", "redirect_to_peer", { device: "c0" }),
  ]);
}

function betweenHosts(name: string, what: string, way: "hop" | "tunnel"): Variant {
  const { near, far, client, server, variant } = twoHosts(name, what);
  address(client, server);
  const ends = [
    [near, client, "c0", SERVER, "10.200.0.2"],
    [far, server, "s0", CLIENT, "10.200.0.1"],
  ] as const;
  // Room for the outer header, as pods of an overlay leave it.
  if (way === "tunnel") for (const netns of [client, server]) netns.sh(`ip link set eth0 mtu ${VXLAN_MTU}`);
  for (const [, netns, , other] of ends)
    netns.sh(`ip neigh add ${other} lladdr 02:00:00:00:00:01 dev eth0 nud permanent`);
  return ending(
    variant,
    ends.flatMap(([host, , device, , hop]) => [
      attach(host, device, `redirect_to_${way}`, { device: "up0", hop }),
      attach(host, "up0", `redirect_from_${way}`, { device }),
    ]),
  );
}

export const wireRedirect = (): Variant =>
  betweenHosts("wire-redirect", "between hosts by a redirect at each link alone", "hop");
export const tunnelRedirect = (): Variant =>
  betweenHosts(
    "tunnel-redirect",
    "between hosts by a redirect and an outer header, put on and taken off, alone",
    "tunnel",
  );
