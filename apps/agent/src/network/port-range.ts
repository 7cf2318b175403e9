/**
 * The host's ports that masqueraded flows get: read from settings, checked against those the host's own sockets are given,
 * and kept from them. Pure; reading and writing the host's settings is dataplane/reserved-ports.ts.
 */
export type PortRange = { first: number; last: number };

const LEAST = 1024;
const MOST = 65_535;

/** "20000-31999"; a text that is wrong comes back as what would be right. */
export function parsePortRange(text: string): PortRange | string {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match && first >= LEAST && last <= MOST && first <= last) return { first, last };
  return `${text}: FIRST-LAST is needed, from ${LEAST} to ${MOST}, or none`;
}

export const rangeText = ({ first, last }: PortRange): string =>
  first === last ? String(first) : `${first}-${last}`;

export type HostPorts = {
  /** net.ipv4.ip_local_port_range, as the kernel says it: what sockets that don't ask for a port are given. */
  local: string;
  tunnelPort: number;
};

/** Why these can't be the ports, if they can't. */
export function rangeProblem(range: PortRange, { local, tunnelPort }: HostPorts): string | undefined {
  const [first = 0, last = 0] = local.trim().split(/\s+/).map(Number);
  const at = `--masquerade-ports ${rangeText(range)}`;
  if (range.first <= last && first <= range.last)
    return `${at}: the host gives ${first}-${last} to its own sockets (net.ipv4.ip_local_port_range); choose others`;
  if (range.first <= tunnelPort && tunnelPort <= range.last)
    return `${at}: ${tunnelPort} among them is the overlay's (--tunnel-port); choose others`;
  return undefined;
}

/**
 * The list of net.ipv4.ip_local_reserved_ports with these in it, so that the host gives them to nobody even when its
 * own range is widened; undefined when they are there already.
 */
export function reservedWith(range: PortRange, reserved: string): string | undefined {
  const there = reserved.trim().split(",").filter(Boolean);
  const covers = (text: string): boolean => {
    const [first = 0, last = first] = text.split("-").map(Number);
    return first <= range.first && range.last <= last;
  };
  return there.some(covers) ? undefined : [...there, rangeText(range)].join(",");
}
