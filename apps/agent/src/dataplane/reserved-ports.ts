/** Keeps ports from the host's own sockets. Which may be is network/port-range.ts's to judge. */
import { readSetting, writeSetting } from "@millrace/native/native";
import { type PortRange, rangeProblem, rangeText, reservedWith } from "../network/port-range.ts";

const LOCAL = "net/ipv4/ip_local_port_range";
const RESERVED = "net/ipv4/ip_local_reserved_ports";
/** More is cut off, and what is cut off is no longer reserved. */
const MOST_BYTES = 4095;

/** Of masqueraded flows. Throws when the host uses them itself. They stay reserved when the agent ends: its flows go on. */
export function reservePorts(hostNetns: string, range: PortRange, tunnelPort: number): void {
  const problem = rangeProblem(range, { local: readSetting(hostNetns, LOCAL), tunnelPort });
  if (problem !== undefined) throw new Error(problem);
  reserve(hostNetns, range);
}

/**
 * One that leads to a pod: a socket that were given it for a connection of its own would get no answers. Those that no socket is
 * given unasked need no reserving; the others stay reserved.
 */
export function reservePort(hostNetns: string, port: number): void {
  const [first = 0, last = 0] = readSetting(hostNetns, LOCAL).trim().split(/\s+/).map(Number);
  if (port >= first && port <= last) reserve(hostNetns, { first: port, last: port });
}

function reserve(hostNetns: string, range: PortRange): void {
  const reserved = reservedWith(range, readSetting(hostNetns, RESERVED));
  if (reserved === undefined) return;
  if (reserved.length >= MOST_BYTES)
    throw new Error(
      `${RESERVED} has no room for ${rangeText(range)}: the kernel takes ${MOST_BYTES} bytes at once`,
    );
  writeSetting(hostNetns, RESERVED, reserved);
}
