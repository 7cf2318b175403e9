/**
 * A pod's link by veth and by netkit, without a dataplane: from end to end, and from pod to pod by the least program that
 * takes a packet there. netkit is in mode L3, as the agent makes it.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { type BpfObject, createNetkitPair, links, openObject } from "@millrace/native/native";
import { TestNetns } from "../../packages/bpf/tests/netns.ts";
import { u32 } from "../../packages/bpf/tests/observer.ts";
import { at } from "../../tools/paths.mjs";
import { CLIENT, pod, SERVER, variantOf } from "./peers.ts";
import type { Variant } from "./variant.ts";

const PINS = "/sys/fs/bpf";
let pins = 0;

function address(client: TestNetns, server: TestNetns): void {
  for (const [netns, own] of [
    [client, CLIENT],
    [server, SERVER],
  ] as const) {
    netns.sh(`ip addr add ${own}/16 dev eth0`);
    netns.sh("ip link set eth0 up");
  }
}

const indexOf = (netns: TestNetns, device: string): number =>
  links(netns.path).find(({ name }) => name === device)?.ifindex ?? 0;

/** To what that end of a pair sends; until what is given back is called. */
function attach(
  object: BpfObject,
  program: string,
  host: TestNetns,
  device: string,
  end: "primary" | "peer",
) {
  const [pin, link] = [`${PINS}/bench-${++pins}`, `${PINS}/bench-${pins}-link`];
  object.program(program).pin(pin);
  const command = [at("bench/traffic/build/netkit"), pin, end, device, link];
  execFileSync("nsenter", [`--net=${host.path}`, ...command]);
  rmSync(pin);
  return () => rmSync(link);
}

function pair(name: string, what: string) {
  const [client, server] = [new TestNetns("bench-client"), new TestNetns("bench-server")];
  createNetkitPair({ netns: client.path, name: "eth0", peer: { netns: server.path, name: "eth0" } });
  address(client, server);
  return { client, variant: variantOf(name, what, client, server) };
}

export const bare = (): Variant => pair("netkit", "a bare netkit pair").variant;

export function floor(): Variant {
  const { client, variant } = pair("netkit-floor", "a bare netkit pair with an empty program at each end");
  const object = openObject(at("packages/bpf/build/test/empty.bpf.o"));
  object.load();
  const detach = (["primary", "peer"] as const).map((end) =>
    attach(object, "endpoint_egress", client, "eth0", end),
  );
  const end = () => {
    for (const one of detach) one();
    object.close();
  };
  return { ...variant, end };
}

/** What that program takes there. */
function redirecting(host: TestNetns, device: string): BpfObject {
  const object = openObject(at("packages/bpf/build/test/redirect.bpf.o"));
  object.setRodata(".rodata", "redirect_to", u32(indexOf(host, device)));
  object.load();
  return object;
}

export function vethRedirect(): Variant {
  const host = new TestNetns("bench-host");
  const [client, server] = [pod(host, "client", "c0"), pod(host, "server", "s0")];
  address(client, server);
  const ends = [
    ["c0", "s0"],
    ["s0", "c0"],
  ].map(([from = "", to = ""]) => {
    const object = redirecting(host, to);
    const where = { ifindex: indexOf(host, from), netns: host.path };
    const link = object.program("redirect_to_peer").attach({ kind: "tcx", direction: "ingress", ...where });
    return () => {
      link.close();
      object.close();
    };
  });
  const variant = variantOf("veth-redirect", "pod to pod over veth by a redirect alone", client, server);
  const end = () => {
    for (const one of ends) one();
  };
  return { ...variant, end };
}

export function netkitRedirect(): Variant {
  const host = new TestNetns("bench-host");
  const [client, server] = [new TestNetns("bench-client"), new TestNetns("bench-server")];
  for (const [name, { path: netns }] of [
    ["c0", client],
    ["s0", server],
  ] as const) {
    createNetkitPair({ netns: host.path, name, peer: { netns, name: "eth0" } });
    host.sh(`ip link set ${name} up`);
  }
  address(client, server);
  const ends = [
    ["c0", "s0"],
    ["s0", "c0"],
  ].map(([from = "", to = ""]) => {
    const object = redirecting(host, to);
    const detach = attach(object, "redirect_to_device", host, from, "peer");
    return () => {
      detach();
      object.close();
    };
  });
  const variant = variantOf("netkit-redirect", "pod to pod over netkit by a redirect alone", client, server);
  const end = () => {
    for (const one of ends) one();
  };
  return { ...variant, end };
}
