/*
 * Network namespaces for tests: made, used by name, removed. Nothing here is about Millrace's programs.
 */
import { type ExecFileSyncOptions, execFileSync } from "node:child_process";

let made = 0;

export class TestNetns implements Disposable {
  readonly name: string;
  readonly path: string;

  readonly ipv6: boolean;

  /** Without IPv6 nothing moves by itself but ARP, and what is counted is what a test sent. */
  constructor(label: string, options: { ipv6?: boolean } = {}) {
    this.ipv6 = options.ipv6 ?? true;
    this.name = `bpft-${process.pid}-${made++}-${label}`;
    this.path = `/run/netns/${this.name}`;
    execFileSync("ip", ["netns", "add", this.name]);
    // A router whose link-local address is being tried asks for no neighbour, for longer than a client waits.
    this.sh("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0");
    if (!this.ipv6)
      this.sh("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
    this.run("ip", "link", "set", "lo", "up");
  }

  /** Runs inside; throws with the command's stderr when it fails. */
  run(command: string, ...args: string[]): string {
    return inside(this.path, [command, ...args]);
  }

  /** Words by spaces: for the many `ip …` lines of a test's set-up. */
  sh(line: string): string {
    return inside(this.path, line.trim().split(/\s+/));
  }

  remove(): void {
    execFileSync("ip", ["netns", "del", this.name]);
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

function inside(path: string, command: string[]): string {
  const options: ExecFileSyncOptions = { stdio: ["ignore", "pipe", "pipe"], timeout: 20_000 };
  return String(execFileSync("nsenter", [`--net=${path}`, ...command], options));
}

/**
 * Two namespaces on one veth: `pod` has eth0 with 10.9.0.2 and fd09::2, `peer` has .1 and ::1. What must be
 * done before the first packet moves goes into `whileDown`.
 */
export function vethPair(pod: TestNetns, peer: TestNetns, whileDown: () => void = () => {}): void {
  pod.sh(`ip link add eth0 type veth peer name veth0 netns ${peer.name}`);
  whileDown();
  for (const [netns, device, host] of [
    [pod, "eth0", 2],
    [peer, "veth0", 1],
  ] as const) {
    netns.sh(`ip addr add 10.9.0.${host}/24 dev ${device}`);
    if (netns.ipv6) netns.sh(`ip -6 addr add fd09::${host}/64 dev ${device} nodad`);
    netns.sh(`ip link set ${device} up`);
  }
}
