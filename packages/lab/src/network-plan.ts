/**
 * The lab's network as data: steps of `ip` and sysctl writes, each with its undo. Pure: the same topology
 * gives the same steps, which step.ts carries out. All of it happens inside the lab's own namespaces; the
 * machine's interfaces, loopback and routes are never named here.
 *
 * The dataplane made here is the plain kernel's (bridge, veth, routes): the foreign one that observe mode
 * stands beside.
 */
import type { Step } from "./step.ts";
import type { Command } from "./subprocess.ts";
import { type HostPlan, netnsPath, type PodPlan, underlayNetns } from "./topology.ts";

const UNDERLAY_BRIDGE = "underlay";
const POD_BRIDGE = "cni0";

const inNetns = (netns: string, ...lines: string[]): Command => ({
  argv: ["ip", "-n", netns, "-batch", "-"],
  stdin: `${lines.join("\n")}\n`,
});
const addNetns = (netns: string): Command => ({ argv: ["ip", "netns", "add", netns] });
const deleteNetns = (netns: string): Command => ({
  argv: ["ip", "netns", "del", netns],
  absentTexts: ["No such file or directory"],
});

/** At once: of a namespace that goes the kernel removes devices a while later, and their names are taken until then. */
const deleteLink = (netns: string, device: string): Command => ({
  argv: ["ip", "-n", netns, "link", "del", device],
  absentTexts: ["Cannot find device", "No such file or directory"],
});

/** /proc/sys/net shows the namespace of whoever opens it; tee writes one value to many settings. */
const writeSettings = (netns: string, value: string, settings: readonly string[]): Command => ({
  argv: [
    ...["nsenter", `--net=${netnsPath(netns)}`, "tee"],
    ...settings.map((setting) => `/proc/sys/net/${setting}`),
  ],
  stdin: value,
});
/** Without duplicate address detection an IPv6 address works at once instead of after a second. */
const plainIpv6 = (netns: string): Command =>
  writeSettings(netns, "0", [
    ...["ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad"],
    ...["ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"],
  ]);

export function underlayStep(labName: string): Step {
  const netns = underlayNetns(labName);
  return {
    title: "underlay",
    do: [
      addNetns(netns),
      inNetns(
        netns,
        "link set lo up",
        `link add ${UNDERLAY_BRIDGE} type bridge`,
        `link set ${UNDERLAY_BRIDGE} up`,
      ),
    ],
    undo: [deleteNetns(netns)],
  };
}

/**
 * Like many a network plugin, a host hides its pods behind its own address, here only for what they ask of other
 * hosts' DNS: the traffic that shows two observers joined across a NAT. Off the range that the host's own sockets use.
 */
const MASQUERADE = `table inet lab_masquerade {
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname "eth0" udp dport 53 masquerade to :61000-65535
  }
}
`;

/** What pods are wired by: the kernel's bridge, or whatever a CNI plugin makes. */
export type PodNetwork = "bridge" | "cni";

export function hostStep(
  labName: string,
  host: HostPlan,
  hosts: readonly HostPlan[],
  network: PodNetwork = "bridge",
): Step {
  return {
    title: `host ${host.name}`,
    do: [
      addNetns(host.netns),
      plainIpv6(host.netns),
      inNetns(
        underlayNetns(labName),
        `link add ${host.name} type veth peer name eth0 netns ${host.netns}`,
        `link set ${host.name} master ${UNDERLAY_BRIDGE} up`,
      ),
      inNetns(
        host.netns,
        "link set lo up",
        "link set eth0 up",
        `address add ${host.uplink4}/24 dev eth0`,
        `address add ${host.uplink6}/64 dev eth0 nodad`,
      ),
      ...(network === "bridge" ? bridgeCommands(host, hosts) : []),
    ],
    undo: [deleteNetns(host.netns)],
  };
}

function bridgeCommands(host: HostPlan, hosts: readonly HostPlan[]): Command[] {
  const others = hosts.filter((other) => other.number !== host.number);
  return [
    writeSettings(host.netns, "1", ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]),
    inNetns(
      host.netns,
      `link add ${POD_BRIDGE} type bridge`,
      `link set ${POD_BRIDGE} up`,
      `address add ${host.gateway4}/24 dev ${POD_BRIDGE}`,
      `address add ${host.gateway6}/64 dev ${POD_BRIDGE} nodad`,
      ...others.flatMap((other) => [
        `route add ${other.podNetwork4} via ${other.uplink4}`,
        `route add ${other.podNetwork6} via ${other.uplink6}`,
      ]),
    ),
    { argv: ["nsenter", `--net=${netnsPath(host.netns)}`, "nft", "-f", "-"], stdin: MASQUERADE },
  ];
}

/** An empty namespace, for a CNI plugin to fill. */
export function podNetnsStep(pod: PodPlan): Step {
  return {
    title: `namespace of pod ${pod.name}`,
    do: [addNetns(pod.netns), plainIpv6(pod.netns)],
    undo: [deleteNetns(pod.netns)],
  };
}

export function podStep(pod: PodPlan): Step {
  return {
    title: `pod ${pod.name}`,
    do: [
      addNetns(pod.netns),
      plainIpv6(pod.netns),
      inNetns(
        pod.host.netns,
        `link add ${pod.hostDevice} type veth peer name eth0 address ${pod.mac} netns ${pod.netns}`,
        `link set ${pod.hostDevice} master ${POD_BRIDGE} up`,
      ),
      inNetns(
        pod.netns,
        "link set lo up",
        "link set eth0 up",
        `address add ${pod.ip4}/24 dev eth0`,
        `address add ${pod.ip6}/64 dev eth0 nodad`,
        `route add default via ${pod.host.gateway4}`,
        `route add ::/0 via ${pod.host.gateway6}`,
      ),
    ],
    undo: [deleteLink(pod.host.netns, pod.hostDevice), deleteNetns(pod.netns)],
  };
}
