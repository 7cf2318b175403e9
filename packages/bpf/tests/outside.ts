/*
 * What tests' hosts reach by their uplinks: each other, a router, and behind it a far end that knows no way to their pods.
 */
import type { TestHost } from "./forwarder.ts";
import { TestNetns } from "./netns.ts";

export const FAR = { ip4: "198.51.100.2", ip6: "2001:db8:51::2" } as const;

/** hosts ─ up0 ─ a bridge, which is the router's ─ far */
export class Outside implements Disposable {
  readonly router = new TestNetns("router");
  readonly far = new TestNetns("far");

  constructor(...hosts: readonly TestHost[]) {
    const { router, far } = this;
    router.sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    router.sh("ip link add hosts0 type bridge");
    for (const { netns, number } of hosts) {
      netns.sh(`ip link add up0 type veth peer name h${number} netns ${router.name}`);
      router.sh(`ip link set h${number} master hosts0 up`);
    }
    router.sh(`ip link add f0 type veth peer name eth0 netns ${far.name}`);
    for (const [netns, device, four, six] of [
      ...hosts.map((host) => [host.netns, "up0", host.underlay4, host.underlay6] as const),
      [router, "hosts0", "10.200.0.254", "fd00:200::fe"],
      [router, "f0", "198.51.100.1", "2001:db8:51::1"],
      [far, "eth0", FAR.ip4, FAR.ip6],
    ] as const) {
      netns.sh(`ip addr add ${four}/24 dev ${device}`);
      netns.sh(`ip -6 addr add ${six}/64 dev ${device} nodad`);
      netns.sh(`ip link set ${device} up`);
    }
    for (const [netns, four, six] of [
      ...hosts.map(({ netns }) => [netns, "10.200.0.254", "fd00:200::fe"] as const),
      [far, "198.51.100.1", "2001:db8:51::1"],
    ] as const) {
      netns.sh(`ip route add default via ${four}`);
      netns.sh(`ip -6 route add default via ${six}`);
    }
    for (const host of hosts) host.useUplink("up0");
  }

  [Symbol.dispose](): void {
    this.router.remove();
    this.far.remove();
  }
}
