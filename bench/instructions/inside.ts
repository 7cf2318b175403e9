/**
 * Runs in the virtual machine, whose clock counts instructions: makes one way after the other, counts what an exchange
 * and a connection cost on it, and prints all as one line. `inside.js EXCHANGES [NAME …]`: those named, or all.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { at } from "../../tools/paths.mjs";
import { ipvs } from "../dataplane/ipvs.ts";
import * as millrace from "../dataplane/millrace.ts";
import * as netkit from "../dataplane/netkit.ts";
import * as openVswitch from "../dataplane/open-vswitch.ts";
import * as peers from "../dataplane/peers.ts";
import * as redirects from "../dataplane/redirects.ts";
import { pathTiers } from "../dataplane/tiers.ts";
import type { Variant } from "../dataplane/variant.ts";
import {
  type Answer,
  answerLine,
  type Counted,
  calibrationOf,
  LIMIT,
  readLoops,
  readSamples,
  spreadOf,
} from "./counts.ts";

const PORT = 5201;
const PROGRAM = at("bench/traffic/build/instructions");
const LOOP = { turns: 1000, more: 100_000, instructionsATurn: 2, samples: 50 };
/** Of connections, that of one exchange. */
const CONNECTIONS = 0.25;
const TIERS = "tiers";

type Make = () => Variant | undefined | Promise<Variant | undefined>;
const WAYS: Readonly<Record<string, Make>> = {
  [LIMIT]: () => peers.bare(LIMIT, "the limit: a bare veth pair"),
  floor: peers.floor,
  netkit: netkit.bare,
  "netkit-floor": netkit.floor,
  "veth-redirect": redirects.vethRedirect,
  "wire-redirect": redirects.wireRedirect,
  "tunnel-redirect": redirects.tunnelRedirect,
  "netkit-redirect": netkit.netkitRedirect,
  bridge: peers.bridge,
  routing: peers.routing,
  iptables: peers.iptablesNat,
  nftables: peers.nftables,
  "ipvs-1": () => ipvs(1),
  "ipvs-10000": () => ipvs(10_000),
  "ovs-kernel": openVswitch.inKernel,
  "ovs-ct": openVswitch.withConntrack,
  routing2: peers.routingBetween,
  vxlan: peers.bridgeVxlan,
  "ovs-vxlan": openVswitch.betweenHosts,
  same: () => millrace.sameHost("same", "same host: Millrace, policy at both ends"),
  service: () =>
    millrace.sameHost("service", "same host: Millrace, policy, a service's packets translated", {
      service: "packets",
    }),
  connect: () =>
    millrace.sameHost("connect", "same host: Millrace, policy, a service chosen at connect", {
      service: "connect",
    }),
  direct: () =>
    millrace.betweenHosts("direct", "between hosts: Millrace, direct, policy at both ends", "direct"),
  overlay: () =>
    millrace.betweenHosts("overlay", "between hosts: Millrace, overlay, policy at both ends", "overlay"),
  "same-netkit": () =>
    millrace.sameHost("same-netkit", "same host: Millrace, policy at both ends, netkit", { link: "netkit" }),
  "direct-netkit": () =>
    millrace.betweenHosts(
      "direct-netkit",
      "between hosts: Millrace, direct, policy at both ends, netkit",
      "direct",
      {
        link: "netkit",
      },
    ),
  "overlay-netkit": () =>
    millrace.betweenHosts(
      "overlay-netkit",
      "between hosts: Millrace, overlay, policy at both ends, netkit",
      "overlay",
      {
        link: "netkit",
      },
    ),
  control: () => peers.bare("control", "another bare veth pair, at the end (control)"),
};

const run = (...args: string[]): string => execFileSync(PROGRAM, args, { encoding: "utf8" });

function count({ name, what, client, server, address, virtual }: Variant, exchanges: number): Counted {
  const samples = (measure: string, number: number) =>
    spreadOf(
      readSamples(
        run(measure, client, server, address, virtual ?? address, String(PORT), String(Math.ceil(number))),
      ),
    );
  const rr = samples("rr", exchanges);
  return { name, what, rr, crr: samples("crr", exchanges * CONNECTIONS) };
}

async function countOn(make: Make, exchanges: number): Promise<Counted[]> {
  const variant = await make();
  if (!variant) return [];
  try {
    return [count(variant, exchanges)];
  } finally {
    variant.end?.();
    peers.removeNamespaces();
  }
}

function calibrate() {
  const { turns, more, instructionsATurn, samples } = LOOP;
  const [short, long] = [turns, turns + more].map((n) =>
    readLoops(run("loop", String(n), String(samples))),
  ) as [ReturnType<typeof readLoops>, ReturnType<typeof readLoops>];
  return calibrationOf(more * instructionsATurn, short, long);
}

const text = (file: string): string => readFileSync(file, "utf8").trim();

function machine(): Answer["machine"] {
  const folder = "/sys/devices/system/cpu/vulnerabilities";
  const mitigations = readdirSync(folder)
    .map((name) => [name, text(`${folder}/${name}`)] as const)
    .filter(([, state]) => state !== "Not affected");
  return {
    kernel: release(),
    commandLine: text("/proc/cmdline"),
    clocksource: text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    mitigations: Object.fromEntries(mitigations),
    bpfJit: text("/proc/sys/net/core/bpf_jit_enable"),
  };
}

async function main(): Promise<void> {
  const [exchanges = "1000", ...names] = process.argv.slice(2);
  const wanted = (name: string) => names.length === 0 || names.includes(name);
  const counted: Counted[] = [];
  const calibration = calibrate();
  for (const [name, make] of Object.entries(WAYS))
    if (wanted(name)) counted.push(...(await countOn(make, Number(exchanges))));
  const tiers = wanted(TIERS) ? { tiers: pathTiers() } : {};
  console.log(answerLine({ machine: machine(), calibration, counted, ...tiers }));
}

await main();
