/** Somebody on the lab's wire who is neither a host nor a pod, and knows the way to the pods' own addresses. */

import type { Lab } from "@millrace/lab/lab";
import { runChecked } from "@millrace/lab/subprocess";
import { netnsPath, netnsPrefix, underlayNetns } from "@millrace/lab/topology";

export type Outsider = { netns: string; ip4: string; ip6: string };
/** Hold all outsiders and no host. */
export const OUTSIDE = { ip4: "10.200.0.128/25", ip6: "fd00:200::1:0/112" } as const;

/** `number`: 1 to 100. It goes with the lab. */
export async function addOutsider(lab: Lab, number: number): Promise<Outsider> {
  const [ip4, ip6] = [`10.200.0.${128 + number}`, `fd00:200::1:${number.toString(16)}`];
  const name = `out${number}`;
  const netns = `${netnsPrefix(lab.name)}${name}`;
  const ways = lab
    .status()
    .hosts.flatMap(({ uplink, pods }) =>
      pods.flatMap((pod) => [
        `route add ${pod.ip4}/32 via ${uplink.ip4}`,
        `route add ${pod.ip6}/128 via ${uplink.ip6}`,
      ]),
    );
  const batch = (of: string, ...lines: string[]) =>
    runChecked({ argv: ["ip", "-n", of, "-batch", "-"], stdin: `${lines.join("\n")}\n` });
  await runChecked({ argv: ["ip", "netns", "add", netns] });
  await batch(
    underlayNetns(lab.name),
    `link add ${name} type veth peer name eth0 netns ${netns}`,
    `link set ${name} master underlay up`,
  );
  await batch(
    netns,
    "link set lo up",
    "link set eth0 up",
    `address add ${ip4}/24 dev eth0`,
    `address add ${ip6}/64 dev eth0 nodad`,
    ...ways,
  );
  return { netns: netnsPath(netns), ip4, ip6 };
}
