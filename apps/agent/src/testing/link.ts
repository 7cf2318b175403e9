/**
 * Two network namespaces joined by a veth pair with nothing else on it: no process, no neighbour discovery,
 * no router solicitation, so that a test knows every packet. Tests only; needs root.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";

let made = 0;
export const ip = (line: string): string =>
  String(execFileSync("ip", line.split(" "), { stdio: ["ignore", "pipe", "pipe"], timeout: 20_000 }));

export function inside(netns: string, words: string[]): string {
  return String(execFileSync("nsenter", [`--net=${netns}`, ...words], { timeout: 20_000 }));
}

export class TestLink {
  readonly pod: string;
  readonly peer: string;

  constructor(label: string) {
    const id = `agt${process.pid}-${label}${made++}`;
    this.pod = `${id}-pod`;
    this.peer = `${id}-peer`;
    try {
      for (const name of [this.pod, this.peer]) ip(`netns add ${name}`);
      ip(`-n ${this.pod} link add eth0 type veth peer name eth0 netns ${this.peer}`);
      this.#configure(this.pod, 1);
      this.#configure(this.peer, 2);
      this.#introduce();
    } catch (error) {
      this.remove();
      throw error;
    }
  }
  get podNetns(): string {
    return `/run/netns/${this.pod}`;
  }
  get peerNetns(): string {
    return `/run/netns/${this.peer}`;
  }
  /** One flow whatever the number of calls: the identifier is fixed. */
  ping(packets: number): void {
    inside(this.podNetns, ["ping", "-e", "7", "-c", String(packets), "-i", "0.002", "-q", "10.77.0.2"]);
  }
  remove(): void {
    for (const name of [this.pod, this.peer])
      if (fs.existsSync(`/run/netns/${name}`)) ip(`netns del ${name}`);
  }

  #configure(name: string, last: number): void {
    inside(`/run/netns/${name}`, ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
    ip(`-n ${name} link set lo up`);
    ip(`-n ${name} addr add 10.77.0.${last}/24 dev eth0`);
    ip(`-n ${name} link set eth0 up`);
  }
  /** Neighbours that know each other need no ARP. */
  #introduce(): void {
    for (const [name, other, last] of [
      [this.pod, this.peer, 2],
      [this.peer, this.pod, 1],
    ] as const) {
      const [link] = JSON.parse(ip(`-n ${other} -j link show dev eth0`));
      ip(`-n ${name} neigh replace 10.77.0.${last} lladdr ${link.address} dev eth0 nud permanent`);
    }
  }
}
