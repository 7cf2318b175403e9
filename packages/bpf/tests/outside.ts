/*
 * What a test's host reaches by its uplink: a router, and behind it a far end that knows no way to the host's pods.
 */
import type { TestHost } from "./forwarder.ts";
import { TestNetns } from "./netns.ts";

export const FAR = { ip4: "198.51.100.2", ip6: "2001:db8:51::2" } as const;

/** host ─ up0 ─ router ─ far */
export class Outside implements Disposable {
  readonly router = new TestNetns("router");
  readonly far = new TestNetns("far");

  constructor(host: TestHost) {
    const { router, far } = this;
    router.sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    host.netns.sh(`ip link add up0 type veth peer name h0 netns ${router.name}`);
    router.sh(`ip link add f0 type veth peer name eth0 netns ${far.name}`);
    for (const [netns, device, four, six] of [
      [host.netns, "up0", host.underlay4, host.underlay6],
      [router, "h0", "10.200.0.254", "fd00:200::fe"],
      [router, "f0", "198.51.100.1", "2001:db8:51::1"],
      [far, "eth0", FAR.ip4, FAR.ip6],
    ] as const) {
      netns.sh(`ip addr add ${four}/24 dev ${device}`);
      netns.sh(`ip -6 addr add ${six}/64 dev ${device} nodad`);
      netns.sh(`ip link set ${device} up`);
    }
    for (const [netns, four, six] of [
      [host.netns, "10.200.0.254", "fd00:200::fe"],
      [far, "198.51.100.1", "2001:db8:51::1"],
    ] as const) {
      netns.sh(`ip route add default via ${four}`);
      netns.sh(`ip -6 route add default via ${six}`);
    }
    host.useUplink("up0");
  }

  [Symbol.dispose](): void {
    this.router.remove();
    this.far.remove();
  }
}
