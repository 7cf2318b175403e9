/** Attachments in CNI's words, and what CNI remembers of one in ours. No I/O. */
import type { CniCheck, CniResult } from "@millrace/contract/cni";
import type { Attachment, ExpectedLink } from "../attachment/attachment.ts";

const POD = 1; // the place of the pod's end among the interfaces

export function resultOf({ host, pod, netns, addresses }: Attachment): CniResult {
  return {
    interfaces: [host, { ...pod, sandbox: netns }],
    ips: addresses.map(({ address, gateway }) => ({ address, gateway, interface: POD })),
    routes: addresses.map(({ gateway }) => ({
      dst: gateway.includes(":") ? "::/0" : "0.0.0.0/0",
      gw: gateway,
    })),
  };
}

/** Undefined when the result doesn't have the interface. It may also have what other plugins made. */
export function expectedOf({ ifname, netns, prevResult }: CniCheck): ExpectedLink | undefined {
  const { interfaces, ips, routes } = prevResult;
  const at = interfaces.findIndex(({ name, sandbox }) => name === ifname && sandbox === netns);
  const pod = interfaces[at];
  if (!pod) return undefined;
  const addresses = ips.filter((ip) => ip.interface === at).map(({ address }) => address);
  // Elsewhere than behind our links a route is another plugin's, and it says so by a gateway that isn't ours.
  const gateways = new Set(ips.flatMap((ip) => (ip.interface === at && ip.gateway ? [ip.gateway] : [])));
  return {
    ...{ mac: pod.mac, mtu: pod.mtu, addresses },
    routes: routes.filter(({ gw }) => gw !== undefined && gateways.has(gw)),
  };
}
