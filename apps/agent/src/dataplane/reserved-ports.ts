/** Keeps the ports of masqueraded flows from the host's own sockets. Which they are is network/port-range.ts's to judge. */
import { readSetting, writeSetting } from "@millrace/native/native";
import { type PortRange, rangeProblem, reservedWith } from "../network/port-range.ts";

const LOCAL = "net/ipv4/ip_local_port_range";
const RESERVED = "net/ipv4/ip_local_reserved_ports";

/** Throws when the host uses them itself. They stay reserved when the agent ends: its flows go on. */
export function reservePorts(hostNetns: string, range: PortRange, tunnelPort: number): void {
  const problem = rangeProblem(range, { local: readSetting(hostNetns, LOCAL), tunnelPort });
  if (problem !== undefined) throw new Error(problem);
  const reserved = reservedWith(range, readSetting(hostNetns, RESERVED));
  if (reserved !== undefined) writeSetting(hostNetns, RESERVED, reserved);
}
