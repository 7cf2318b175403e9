/**
 * Open vSwitch between pods, by its userspace datapath and by the kernel's own: each host with a database, a daemon and a
 * bridge of its own. Undefined where Debian's openvswitch-switch isn't installed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir, uptime } from "node:os";
import path from "node:path";
import { until } from "../../e2e/system/child.ts";
import { TestNetns } from "../../packages/bpf/tests/netns.ts";
import { CLIENT, pod, SERVER, twoHosts, VXLAN_MTU, variantOf } from "./peers.ts";
import type { Variant } from "./variant.ts";

type Datapath = "netdev" | "system";
const isInstalled = (): boolean => existsSync("/usr/sbin/ovs-vswitchd");

/** Of one host. */
class Switch {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #daemons: ChildProcess[] = [];
  readonly #host: TestNetns;

  private constructor(host: TestNetns) {
    this.#host = host;
    this.#folder = mkdtempSync(path.join(tmpdir(), "millrace-bench-ovs-"));
    this.#env = {
      ...process.env,
      OVS_RUNDIR: this.#folder,
      OVS_LOGDIR: this.#folder,
      OVS_DBDIR: this.#folder,
    };
  }

  static async start(host: TestNetns, datapath: Datapath, ports: readonly string[]): Promise<Switch> {
    const made = new Switch(host);
    try {
      await made.#start(datapath, ports);
    } catch (error) {
      made.end();
      throw error;
    }
    return made;
  }

  async #start(datapath: Datapath, ports: readonly string[]): Promise<void> {
    // In its first ten seconds the daemon takes a machine for one without processors, and handles no packet.
    await until("a machine that has been up for a while", async () => uptime() > 11, { deadlineMs: 60_000 });
    const database = path.join(this.#folder, "conf.db");
    execFileSync("ovsdb-tool", ["create", database, "/usr/share/openvswitch/vswitch.ovsschema"]);
    this.#spawn("ovsdb-server", database, `--remote=punix:${this.#socket}`);
    await until("ovsdb-server listens", async () => existsSync(this.#socket), { deadlineMs: 60_000 });
    this.#spawn("ovs-vswitchd", `unix:${this.#socket}`);
    this.set("add-br", "br0", "--", "set", "bridge", "br0", `datapath_type=${datapath}`);
    for (const port of ports) this.set("add-port", "br0", port);
  }

  get #socket(): string {
    return path.join(this.#folder, "db.sock");
  }
  #spawn(...args: string[]): void {
    const inHost = [`--net=${this.#host.path}`, ...args];
    this.#daemons.push(spawn("nsenter", inHost, { env: this.#env, stdio: "ignore" }));
  }

  /** Waits until the daemon has done it. */
  set(...args: string[]): void {
    execFileSync("ovs-vsctl", [`--db=unix:${this.#socket}`, ...args], { env: this.#env, timeout: 60_000 });
  }
  /** In place of all that the bridge had. */
  flows(flows: readonly string[]): void {
    const bridge = `unix:${path.join(this.#folder, "br0.mgmt")}`;
    execFileSync("ovs-ofctl", ["-O", "OpenFlow13", "replace-flows", bridge, "-"], {
      env: this.#env,
      input: flows.join("\n"),
    });
  }

  end(): void {
    for (const daemon of this.#daemons) daemon.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const CONNTRACK_POLICY = [
  "priority=10,arp actions=normal",
  "priority=10,ip,ct_state=-trk actions=ct(table=1)",
  "table=1,priority=10,ip,ct_state=+trk+est actions=normal",
  "table=1,priority=10,ip,ct_state=+trk+rel actions=normal",
  `table=1,priority=5,tcp,ct_state=+trk+new,nw_src=${CLIENT},nw_dst=${SERVER} actions=ct(commit),normal`,
];

async function sameHost(name: string, what: string, datapath: Datapath, flows?: readonly string[]) {
  if (!isInstalled()) return undefined;
  const host = new TestNetns("bench-host");
  const [client, server] = [pod(host, "client", "c0"), pod(host, "server", "s0")];
  client.sh(`ip addr add ${CLIENT}/16 dev eth0`);
  server.sh(`ip addr add ${SERVER}/16 dev eth0`);
  // In userspace it reads frames from packet sockets: checksums that a device was to complete would stay undone.
  if (datapath === "netdev") for (const netns of [client, server]) netns.sh("ethtool -K eth0 tx off");
  const bridge = await Switch.start(host, datapath, ["c0", "s0"]);
  if (flows) bridge.flows(flows);
  return { ...variantOf(name, what, client, server), end: () => bridge.end() };
}

export const inUserspace = (): Promise<Variant | undefined> =>
  sameHost("ovs", "same host: Open vSwitch's userspace datapath", "netdev");

export const inKernel = (): Promise<Variant | undefined> =>
  sameHost("ovs-kernel", "same host: Open vSwitch's kernel datapath", "system");

export const withConntrack = (): Promise<Variant | undefined> =>
  sameHost(
    "ovs-ct",
    "same host: Open vSwitch's kernel datapath, policy by its conntrack",
    "system",
    CONNTRACK_POLICY,
  );

export async function betweenHosts(): Promise<Variant | undefined> {
  if (!isInstalled()) return undefined;
  const what = "between hosts: Open vSwitch's kernel datapath and its VXLAN";
  const { near, far, client, server, variant } = twoHosts("ovs-vxlan", what);
  const bridges: Switch[] = [];
  for (const [host, netns, device, address, other] of [
    [near, client, "c0", CLIENT, 2],
    [far, server, "s0", SERVER, 1],
  ] as const) {
    netns.sh(`ip addr add ${address}/16 dev eth0`);
    netns.sh(`ip link set eth0 mtu ${VXLAN_MTU}`);
    const bridge = await Switch.start(host, "system", [device]);
    bridges.push(bridge);
    const tunnel = ["set", "interface", "vx0", "type=vxlan", `options:remote_ip=10.200.0.${other}`];
    bridge.set("add-port", "br0", "vx0", "--", ...tunnel, "options:key=7");
  }
  return {
    ...variant,
    end: () => {
      for (const bridge of bridges) bridge.end();
    },
  };
}
