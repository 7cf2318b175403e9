/** What a pod's end of its link lacks of what it was given. Pure; a plugin after ours may have added to it. */
import type { LinkFacts } from "../dataplane/pod-links.ts";
import type { ExpectedLink } from "./attachment.ts";

export function differences(expected: ExpectedLink, found: LinkFacts | undefined): string[] {
  if (!found) return ["the pod's end is gone"];
  const problems: string[] = [];
  if (!found.up) problems.push("the pod's end is down");
  if (expected.mac !== undefined && expected.mac.toLowerCase() !== found.mac)
    problems.push(`its link address is ${found.mac}, was ${expected.mac}`);
  if (expected.mtu !== undefined && expected.mtu !== found.mtu)
    problems.push(`its MTU is ${found.mtu}, was ${expected.mtu}`);
  for (const cidr of expected.addresses)
    if (!found.addresses.includes(withoutLength(cidr))) problems.push(`it has lost ${cidr}`);
  for (const { dst, gw } of expected.routes)
    if (!found.routes.some((route) => route.destination === dst && (gw === undefined || route.via === gw)))
      problems.push(`it has lost the route to ${dst}`);
  return problems;
}

const withoutLength = (cidr: string): string => cidr.split("/", 1)[0] as string;
