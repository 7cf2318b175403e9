/**
 * A pod's link by netkit, without a dataplane: from end to end, and from pod to pod by the least program that takes a packet
 * there. In mode L3, as the agent makes it.
 */
import { type BpfObject, createNetkitPair, openObject } from "@millrace/native/native";
import { TestNetns } from "../../packages/bpf/tests/netns.ts";
import { at } from "../../tools/paths.mjs";
import { variantOf } from "./peers.ts";
import { address, indexOf, redirecting } from "./redirects.ts";
import type { Variant } from "./variant.ts";

/** To what that end of a pair sends; until what is given back is called. `device`: the pair's primary. */
function attach(
  object: BpfObject,
  program: string,
  host: TestNetns,
  device: string,
  end: "primary" | "peer",
) {
  const ifindex = indexOf(host, device);
  const link = object.program(program).attach({ kind: "netkit", ifindex, end, netns: host.path });
  return () => link.close();
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
    const object = redirecting(host, { device: to });
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
