/*
 * Who reaches whom where packets are carried: pods of one host, of two directly and through the overlay, over IPv4 and
 * IPv6. For the two ways in which programs come to devices, and by carried-print.ts for kernels that have only one.
 */
import { PathKind } from "@millrace/abi/generated/flow";
import { type HostOptions, TestHost, type TestPod, wire } from "./forwarder.ts";

export interface Carried {
  /** By way and address family. */
  arrives: Record<string, boolean>;
  /** The dataplane's own drops, by reason. */
  drops: Record<string, number>;
}
export const ALL_CARRIED: Carried = {
  arrives: Object.fromEntries(
    ["local", "direct", "overlay"].flatMap((way) => [`${way} ip4`, `${way} ip6`]).map((way) => [way, true]),
  ),
  drops: {},
};

export function carriedBy(hooks: HostOptions["hooks"]): Carried {
  using h1 = new TestHost(1, { hooks });
  using h2 = new TestHost(2, { hooks });
  wire(h1, h2);
  const [a, b, c] = [
    h1.addPod("a", { mtu: 1450 }),
    h1.addPod("b", { mtu: 1450 }),
    h2.addPod("c", { mtu: 1450 }),
  ];
  const arrives: Record<string, boolean> = {};
  const tryOut = (way: string, to: TestPod) => {
    for (const family of ["ip4", "ip6"] as const) arrives[`${way} ${family}`] = echoes(a, to[family]);
  };
  tryOut("local", b);
  for (const [way, kind] of [
    ["direct", PathKind.DIRECT],
    ["overlay", PathKind.OVERLAY],
  ] as const) {
    h1.reach(h2, kind);
    h2.reach(h1, kind);
    tryOut(way, c);
  }
  return { arrives, drops: { ...h1.ownDrops(), ...h2.ownDrops() } };
}

function echoes(from: TestPod, to: string): boolean {
  try {
    from.netns.sh(`ping -q -c 3 -i 0.2 -W 5 -s 1000 ${to}`);
    return true;
  } catch {
    return false;
  }
}
