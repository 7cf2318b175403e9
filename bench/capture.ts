/**
 * What watching costs the watched: TCP request/response between two containers' interfaces with every flow
 * captured, against the same with nothing attached. Beside it the floor, hooks that do nothing, and an A/A
 * control. Paired slices in random order on one CPU. `node --import tsx bench/capture.ts [pairs]`; the result
 * is written to bench/results/capture.json.
 */
import { execFileSync } from "node:child_process";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import { encodeNetnsInfo, NETNS_INFO_SIZE } from "@millrace/abi/generated/endpoint";
import {
  type BpfLink,
  type BpfObject,
  links,
  netnsCookie,
  openObject,
  runStats,
} from "@millrace/native/native";
import { EndpointSlots } from "../packages/bpf/tests/endpoint-slots.ts";
import { at } from "../tools/paths.mjs";
import { Exchange } from "./exchange.ts";
import { ratioOf, shown, writeResult } from "./result.ts";

const SLICE_MS = 300;
const A = { netns: "mrb-a", ip: "10.222.0.1" };
const B = { netns: "mrb-b", ip: "10.222.0.2" };
const CPU = 1;
const path = (netns: string) => `/run/netns/${netns}`;

function network(up: boolean): void {
  const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
  if (!up) {
    for (const { netns } of [A, B]) execFileSync("ip", ["netns", "del", netns], { stdio: "ignore" });
    return;
  }
  for (const { netns } of [A, B]) ip("netns", "add", netns);
  ip("-n", A.netns, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", B.netns);
  for (const { netns, ip: address } of [A, B]) {
    ip("-n", netns, "addr", "add", `${address}/24`, "dev", "eth0");
    ip("-n", netns, "link", "set", "eth0", "up");
  }
}

const packed = (size: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
};

const ethernetOf = (netns: string): number => links(path(netns)).find((l) => l.name === "eth0")?.ifindex ?? 0;

function loadObserver(): BpfObject {
  const object = openObject(at("packages/bpf/build/observe.bpf.o"));
  const config = { abiHash: ABI_HASH, breakCounter: 0, flowBudget: 0, netkit: 0 };
  object.setRodata(
    ".rodata",
    "observe_config",
    packed(OBSERVE_CONFIG_SIZE, (v) => encodeObserveConfig(config, v)),
  );
  object.load();
  const endpoints = new EndpointSlots((name) => object.map(name));
  [A, B].forEach(({ netns }, index) => {
    const netnsCookieOf = netnsCookie(path(netns));
    const ifindex = ethernetOf(netns);
    endpoints.add({ cookie: netnsCookieOf, ifindex }, index + 1);
    const info = { kind: 0, endpointCount: 1, endpointIds: [index + 1, 0, 0, 0, 0, 0, 0, 0] };
    object.map("netns").update(
      packed(8, (v) => v.setBigUint64(0, netnsCookieOf, true)),
      packed(NETNS_INFO_SIZE, (v) => encodeNetnsInfo(info, v)),
    );
  });
  return object;
}

/** Both hooks of both ends. */
function attachHooks(object: BpfObject): BpfLink[] {
  return [A, B].flatMap(({ netns }) => {
    const ifindex = ethernetOf(netns);
    return (["ingress", "egress"] as const).map((direction) =>
      object.program(`endpoint_${direction}`).attach({ kind: "tcx", ifindex, direction, netns: path(netns) }),
    );
  });
}

/** What the agent attaches once for the machine: the tracing programs, and sockops at the root. */
function attachMachineWide(object: BpfObject): BpfLink[] {
  const tracing = ["tcp_retransmit", "tcp_retransmit_answer", "tcp_state_changed", "packet_dropped"];
  return [
    ...tracing.map((name) => object.program(name).attach({ kind: "tracing" })),
    object.program("tcp_sockops").attach({ kind: "cgroup", path: cgroupRoot(), multi: true }),
  ];
}

const cgroupRoot = (): string =>
  execFileSync("findmnt", ["-n", "-o", "TARGET", "-t", "cgroup2"], { encoding: "utf8" }).split("\n")[0] ?? "";

type Variant = { name: string; what: string; goal?: number; attach: () => BpfLink[] };

/** In every round each variant once, in random order, paired with nothing attached before or after it. */
async function compare(exchange: Exchange, variants: readonly Variant[], rounds: number) {
  const pairs = new Map(variants.map(({ name }) => [name, [] as [number, number][]]));
  const measure = async (attach: () => BpfLink[]): Promise<number> => {
    const attached = attach();
    const rate = await exchange.slice("rr", SLICE_MS);
    for (const link of attached) link.close();
    return rate;
  };
  for (const { attach } of variants) await measure(attach);
  for (let round = 0; round < rounds; round++)
    for (const { name, attach } of [...variants].sort(() => Math.random() - 0.5)) {
      const first = Math.random() < 0.5;
      const a = await measure(first ? attach : () => []);
      const b = await measure(first ? () => [] : attach);
      pairs.get(name)?.push(first ? [a, b] : [b, a]);
    }
  return variants.map((variant) => ({ ...variant, ratio: ratioOf(pairs.get(variant.name) ?? []) }));
}

/** Nanoseconds of one run of each hook under the exchange, by the kernel's own statistics (which cost some themselves). */
async function hookTimes(exchange: Exchange, object: BpfObject): Promise<Record<string, number>> {
  const attached = attachHooks(object);
  const stop = runStats();
  const programs = ["endpoint_ingress", "endpoint_egress"].map((name) => object.program(name));
  await exchange.slice("rr", SLICE_MS);
  stop.close();
  for (const link of attached) link.close();
  return Object.fromEntries(
    programs.map((program) => {
      const { runCount, runTimeNs } = program.counters();
      return [program.name, Number(runTimeNs) / Math.max(1, Number(runCount))];
    }),
  );
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 40);
  execFileSync("make", ["-s", "-C", at("bench/traffic")], { stdio: "inherit" });
  network(true);
  const object = loadObserver();
  const empty = openObject(at("packages/bpf/build/test/empty.bpf.o"));
  empty.load();
  let exchange: Exchange | undefined;
  try {
    exchange = await Exchange.start({
      client: path(A.netns),
      server: path(B.netns),
      address: B.ip,
      cpu: CPU,
    });
    const variants: Variant[] = [
      {
        name: "captured",
        what: "request/response, every flow captured",
        goal: 0.98,
        attach: () => [...attachHooks(object), ...attachMachineWide(object)],
      },
      {
        name: "hooks",
        what: "of that, the two hooks of each interface alone",
        attach: () => attachHooks(object),
      },
      { name: "floor", what: "the floor: empty hooks in their place", attach: () => attachHooks(empty) },
      {
        name: "machineWide",
        what: "of that, the machine-wide programs alone",
        attach: () => attachMachineWide(object),
      },
      { name: "control", what: "nothing attached on either side (control)", attach: () => [] },
    ];
    const found = await compare(exchange, variants, rounds);
    const times = await hookTimes(exchange, object);
    const emptyTimes = await hookTimes(exchange, empty);
    writeResult("capture", {
      question: "request/response with every flow captured, against nothing attached",
      method: `TCP, 1 byte, one connection, both ends on CPU ${CPU}, slices of ${SLICE_MS} ms, ${rounds} pairs in random order; median of paired ratios with quartiles`,
      findings: [
        ...found.map(({ what, goal, ratio }) => ({
          what,
          ...(goal ? { goal: `≥ ${goal} of nothing attached`, met: ratio.median >= goal } : {}),
          measured: shown(ratio),
        })),
        {
          what: "one run of a hook under that load, by the kernel's run-time statistics",
          measured: `ingress ${nanoseconds(times.endpoint_ingress)}, egress ${nanoseconds(times.endpoint_egress)}; empty: ${nanoseconds(emptyTimes.endpoint_ingress)}, ${nanoseconds(emptyTimes.endpoint_egress)}`,
        },
      ],
      figures: { ...Object.fromEntries(found.map(({ name, ratio }) => [name, ratio])), times, emptyTimes },
    });
  } finally {
    exchange?.end();
    object.close();
    empty.close();
    network(false);
  }
}

const nanoseconds = (ns = Number.NaN): string => `${ns.toFixed(0)} ns`;

await main();
