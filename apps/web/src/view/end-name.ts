/** What to call a flow's end, and the filter term that means it. */
import type { End } from "@millrace/contract/flow";

type Named = Pick<End, "kind" | "ip" | "port" | "pod" | "service" | "host">;

export const endName = (end: Named): string =>
  end.pod ?? end.service ?? (end.kind === "host" ? end.host : null) ?? end.ip;

const ICMP = 1;
const ICMPV6 = 58;
/** What ICMP carries in the place of ports is its identifier: it says nothing as a port. */
export const hasPorts = (proto: number): boolean => proto !== ICMP && proto !== ICMPV6;

/** IPv6 in brackets, so that the port can be told from the address. */
export function endAddress(end: Pick<End, "ip" | "port">): string {
  const ip = end.ip.includes(":") && end.port > 0 ? `[${end.ip}]` : end.ip;
  return end.port > 0 ? `${ip}:${end.port}` : ip;
}

export function endTerm(end: Named, side: "src" | "dst"): { field: string; value: string } {
  if (end.service) return { field: `${side}.service`, value: end.service };
  if (end.pod) return { field: `${side}.pod`, value: end.pod };
  return { field: `${side}.ip`, value: end.ip };
}
