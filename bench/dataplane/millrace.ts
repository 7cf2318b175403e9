/**
 * Millrace's programs on the same ways: hosts and pods as the programs' tests have them, their tables filled by hand,
 * which leaves out the agent and nothing that a packet meets.
 */
import { PathKind } from "@millrace/abi/generated/flow";
import { type BpfLink, netnsCookie } from "@millrace/native/native";
import { cgroup2Mount } from "../../apps/agent/src/dataplane/probe.ts";
import { type PodLink, TestHost, type TestPod, wire } from "../../packages/bpf/tests/forwarder.ts";
import { u32, u64 } from "../../packages/bpf/tests/observer.ts";
import { TestPolicy } from "../../packages/bpf/tests/policy-tables.ts";
import { PROTOCOL, TestServices } from "../../packages/bpf/tests/service-tables.ts";
import type { Variant } from "./variant.ts";

/** Room for all that a slice of connections leaves: no agent takes closed flows out. */
const FLOWS = 262_144;
const OVERLAY_MTU = 1450;
const FIRST_PORT = 5201;
const VIRTUAL = "10.96.0.1";

export type MillraceVariant = Variant & { readonly hosts: readonly TestHost[] };
type Between = "direct" | "overlay";
/** Of a service: the client's packets are changed one by one, or its socket is given the backend when it connects. */
type Options = {
  policy?: boolean;
  family?: "ip4" | "ip6";
  service?: "packets" | "connect";
  link?: PodLink;
};

const SOCKET_PROGRAMS = ["service_connect4", "service_getpeername4", "service_sockops"];
const MOVED = "service_connection_moved";

let numbers = 0;
const newHost = ({ service }: Options) =>
  new TestHost(++numbers, {
    ...{ flows: FLOWS, watchesDrops: false },
    programs: service === "connect" ? [...SOCKET_PROGRAMS, MOVED] : [],
  });

/** Each end's host judges: the client's what it sends, the server's what it receives. */
function enforce(client: [TestHost, TestPod], server: [TestHost, TestPod]): void {
  const rules = Object.values(PROTOCOL).map((proto) => ({ proto, verdict: "FORWARD" as const, rule: 257 }));
  const policies = new Map([client[0], server[0]].map((host) => [host, new TestPolicy(host)]));
  for (const [[host, pod], [, peer], way] of [
    [client, server, "egress"],
    [server, client, "ingress"],
  ] as const)
    policies
      .get(host)
      ?.subject(pod.endpointId, way)
      .judge(pod.endpointId, way, { identity: peer.identity }, rules);
  for (const policy of policies.values()) policy.hold();
}

/** A virtual address for each port of the exchange. */
function serve(host: TestHost, server: TestPod): string {
  const services = new TestServices(host.object).range();
  services.know(VIRTUAL);
  let number = 0;
  for (let port = FIRST_PORT; port < FIRST_PORT + 4; port++)
    for (const protocol of Object.values(PROTOCOL)) {
      const backend = services.backend(++number, { address: server.ip4, port });
      services.set(number, { address: VIRTUAL, port }, protocol, [backend]);
    }
  return VIRTUAL;
}

/** Until the links are closed. */
function serveSockets({ object }: TestHost, client: TestPod): BpfLink[] {
  const path = cgroup2Mount();
  if (!path) throw new Error("no cgroup2 is mounted");
  object.map("service_clients").update(u64(netnsCookie(client.netns.path)), u32(1));
  const sockets = SOCKET_PROGRAMS.map((name) => object.program(name).attach({ kind: "cgroup", path }));
  return [...sockets, object.program(MOVED).attach({ kind: "tracing" })];
}

type Place = { client: [TestHost, TestPod]; server: [TestHost, TestPod] };

function variantOf(name: string, what: string, { client, server }: Place, options: Options): MillraceVariant {
  const { policy = true, family = "ip4", service } = options;
  if (policy) enforce(client, server);
  const hosts = [...new Set([client[0], server[0]])];
  const links = service === "connect" ? serveSockets(...client) : [];
  return {
    ...{ name, what, hosts, client: client[1].netns.path, server: server[1].netns.path },
    address: server[1][family],
    ...(service ? { virtual: serve(client[0], server[1]) } : {}),
    end: () => {
      for (const link of links) link.close();
      for (const host of hosts) host[Symbol.dispose]();
    },
  };
}

export function sameHost(name: string, what: string, options: Options = {}): MillraceVariant {
  const host = newHost(options);
  const { link = "veth" } = options;
  return variantOf(
    name,
    what,
    { client: [host, host.addPod("a", { link })], server: [host, host.addPod("b", { link })] },
    options,
  );
}

export function betweenHosts(
  name: string,
  what: string,
  by: Between,
  options: Options = {},
): MillraceVariant {
  const [near, far] = [newHost(options), newHost(options)];
  wire(near, far);
  const mtu = by === "overlay" ? OVERLAY_MTU : 1500;
  const { link = "veth" } = options;
  const client = near.addPod("a", { mtu, link });
  const server = far.addPod("b", { mtu, link });
  const kind = by === "overlay" ? PathKind.OVERLAY : PathKind.DIRECT;
  near.reach(far, kind);
  far.reach(near, kind);
  // The lease of a pod's address says who it is, to those who send there and, directly, to those it sends to.
  for (const [host, other, peer] of [
    [near, far, server],
    [far, near, client],
  ] as const)
    for (const address of [peer.ip4, peer.ip6])
      host.route(address, 128, { kind, remote: other.number, identity: peer.identity });
  near.commit();
  far.commit();
  return variantOf(name, what, { client: [near, client], server: [far, server] }, options);
}

/** What a slice left in the flow tables. */
export function forgetFlows({ hosts }: MillraceVariant): void {
  for (const host of hosts) {
    const flows = host.map("flows");
    for (let key = flows.nextKey(); key; key = flows.nextKey()) flows.delete(key);
  }
}
