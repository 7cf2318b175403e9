/**
 * What choosing a service's backend costs a connect, by how many services there are, and what one backend more costs the
 * kernel's tables. Each number of services has its own tables; of the hooks one set at a time is attached. Paired slices in
 * random order on one CPU, with an A/A control. `node --import tsx bench/services.ts [pairs]`; the result is written to
 * bench/results/services.json.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import { type BpfLink, type BpfMap, type BpfObject, netnsCookie, openObject } from "@millrace/native/native";
import { LibbpfServices } from "../apps/agent/src/dataplane/libbpf-services.ts";
import { Pins } from "../apps/agent/src/dataplane/pins.ts";
import { noChanges, type ServiceChanges } from "../apps/agent/src/dataplane/services.ts";
import { ServiceLayout, type WantedBackend, type WantedService } from "../apps/agent/src/service/layout.ts";
import { at } from "../tools/paths.mjs";
import { percentile, type Ratio, ratioOf, shown, writeResult } from "./result.ts";

const SLICE_MS = 300;
const CPU = "1";
const NETNS = "mrb-services";
const NETNS_PATH = `/run/netns/${NETNS}`;
const BACKEND = "10.222.0.1";
const PORT = 80;
const FIRST = (10 << 24) | (96 << 16); // 10.96.0.0
const COUNTS = [1, 1000, 100_000] as const;
const HOOKS = ["service_connect4", "service_getpeername4", "service_sockops"];
const SLOTS_OF_ONE = 251;
const LARGE = { backends: 1000, slots: 65_537 };

function network(up: boolean): void {
  const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
  ip("netns", up ? "add" : "del", NETNS);
  if (!up) return;
  ip("-n", NETNS, "link", "set", "lo", "up");
  ip("-n", NETNS, "addr", "add", `${BACKEND}/32`, "dev", "lo");
}

const addressOf = (i: number): string => {
  const n = FIRST + i;
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join(".");
};
const backend = (address: string, port = 9000): WantedBackend => ({
  address,
  port,
  weight: 100,
  draining: false,
  isOut: false,
});
const service = (i: number, protocol: number, backends: WantedBackend[]): WantedService => ({
  ...{ address: addressOf(i), port: PORT, protocol, affinitySeconds: 0, backends },
});

class Tables {
  readonly count: number;
  readonly object: BpfObject;
  readonly services: LibbpfServices;
  readonly layout: ServiceLayout;
  readonly #maps = new Map<string, BpfMap>();

  /** So many services of one backend each, for TCP and UDP, and room for a large one. */
  constructor(count: number) {
    this.count = count;
    this.object = openObject(at("packages/bpf/build/observe.bpf.o"));
    const config = new Uint8Array(OBSERVE_CONFIG_SIZE);
    encodeObserveConfig(
      { abiHash: ABI_HASH, breakCounter: 0, flowBudget: 0, netkit: 0 },
      new DataView(config.buffer),
    );
    this.object.setRodata(".rodata", "observe_config", config);
    for (const name of this.object.programs()) this.object.setAutoload(name, HOOKS.includes(name));
    this.object.setMaxEntries("flows", 64);
    for (const map of ["services", "service_counts"]) this.object.setMaxEntries(map, 2 * count + 10);
    for (const map of ["service_backends", "service_backend_counts"])
      this.object.setMaxEntries(map, 2 * count + 2 * LARGE.backends);
    this.object.setMaxEntries("service_slots", 2 * count * SLOTS_OF_ONE + 2 * LARGE.slots);
    this.object.load();
    this.services = new LibbpfServices({
      pins: new Pins("/nowhere"),
      program: (name) => this.object.program(name),
      map: (name) => this.#map(name),
      can: (name) => HOOKS.includes(name),
      sum: () => 0,
      onAsked: () => {},
    });
    this.services.setRanges(["10.96.0.0/12"]);
    this.services.setClients([netnsCookie(NETNS_PATH)]);
    this.layout = new ServiceLayout(this.services.capacity, this.services.read());
    this.#fill();
  }
  attach(): BpfLink[] {
    return HOOKS.map((name) => this.object.program(name).attach({ kind: "cgroup", path: cgroupRoot() }));
  }
  write(wanted: WantedService): { planMs: number; writeMs: number; changes: ServiceChanges } {
    const changes = noChanges();
    const began = performance.now();
    if (!this.layout.set(wanted, changes)) throw new Error("no room");
    const planned = performance.now();
    this.services.write(changes);
    const written = performance.now();
    this.layout.written();
    return { planMs: planned - began, writeMs: written - planned, changes };
  }
  close(): void {
    for (const map of this.#maps.values()) map.close();
    this.object.close();
  }

  #map(name: string): BpfMap {
    const map = this.#maps.get(name) ?? this.object.map(name);
    this.#maps.set(name, map);
    return map;
  }
  #fill(): void {
    let changes = noChanges();
    for (let i = 0; i < this.count; i++) {
      for (const protocol of [6, 17]) this.layout.set(service(i, protocol, [backend(BACKEND)]), changes);
      if (i % 2000 !== 1999 && i !== this.count - 1) continue;
      this.services.write(changes);
      this.layout.written();
      changes = noChanges();
    }
  }
}

const cgroupRoot = (): string =>
  execFileSync("findmnt", ["-n", "-o", "TARGET", "-t", "cgroup2"], { encoding: "utf8" }).split("\n")[0] ?? "";

class Connects {
  readonly #client: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  constructor(protocol: "tcp" | "udp", first: number) {
    const args = [
      `--net=${NETNS_PATH}`,
      at("bench/traffic/build/connects"),
      protocol,
      addressOf(first),
      String(PORT),
      CPU,
    ];
    this.#client = spawn("nsenter", args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#client.stdout as NodeJS.ReadableStream })[
      Symbol.asyncIterator
    ]();
  }
  /** Connects per second over one slice, each to any of so many services. */
  async slice(count: number): Promise<number> {
    this.#client.stdin?.write(`${count} ${SLICE_MS}\n`);
    const { value } = await this.#lines.next();
    const [done = 0, ns = 1] = String(value).split(" ").map(Number);
    return (done / ns) * 1e9;
  }
  end(): void {
    this.#client.kill();
  }
}

type Variant = { what: string; goal?: boolean; of: Tables; spread: number };

/** Each variant's rate ÷ that of one service, slice by slice. */
async function compare(connects: Connects, one: Tables, variants: readonly Variant[], rounds: number) {
  const pairs = variants.map(() => [] as [number, number][]);
  const measure = async (tables: Tables, spread: number): Promise<number> => {
    const links = tables.attach();
    const rate = await connects.slice(spread);
    for (const link of links) link.close();
    return rate;
  };
  for (const { of, spread } of variants) await measure(of, spread);
  for (let round = 0; round < rounds; round++)
    for (const i of variants.map((_, place) => place).sort(() => Math.random() - 0.5)) {
      const { of, spread } = variants[i] as Variant;
      const first = Math.random() < 0.5;
      const a = first ? await measure(of, spread) : await measure(one, 1);
      const b = first ? await measure(one, 1) : await measure(of, spread);
      pairs[i]?.push(first ? [a, b] : [b, a]);
    }
  return variants.map((variant, i) => ({ ...variant, ratio: ratioOf(pairs[i] ?? []) }));
}

/** One backend more of a thousand, and it goes again, several times. */
function oneMore(tables: Tables) {
  const thousand = Array.from({ length: LARGE.backends }, (_, i) => backend(`10.4.${i >> 8}.${i & 255}`));
  tables.write(service(tables.count, 6, thousand));
  const runs = Array.from({ length: 20 }, (_, i) => {
    const added = tables.write(service(tables.count, 6, [...thousand, backend(`10.5.0.${i}`)]));
    tables.write(service(tables.count, 6, thousand));
    return added;
  });
  const bytes = ({ slotAt, backends, services }: ServiceChanges) =>
    slotAt.length * 8 + backends.length * (28 + 28) + services.length * 36;
  return {
    writeMs: percentile(
      runs.map(({ writeMs }) => writeMs),
      0.5,
    ),
    planMs: percentile(
      runs.map(({ planMs }) => planMs),
      0.5,
    ),
    slots: percentile(
      runs.map(({ changes }) => changes.slotAt.length),
      0.5,
    ),
    bytes: percentile(
      runs.map(({ changes }) => bytes(changes)),
      0.5,
    ),
  };
}

const nearOne = ({ median }: Ratio): boolean => median >= 0.99;

async function connectRates(tables: readonly Tables[], rounds: number) {
  const [one, thousand, many] = tables as [Tables, Tables, Tables];
  const found: { what: string; goal?: boolean; ratio: Ratio }[] = [];
  for (const protocol of ["udp", "tcp"] as const) {
    const connects = new Connects(protocol, 0);
    try {
      const variants: Variant[] = [
        { what: `${protocol}: 1 service (control)`, of: one, spread: 1 },
        { what: `${protocol}: one of 1,000 services`, goal: true, of: thousand, spread: 1 },
        { what: `${protocol}: one of 100,000 services`, goal: true, of: many, spread: 1 },
        { what: `${protocol}: any of 100,000 services, none in the cache`, of: many, spread: many.count },
      ];
      found.push(...(await compare(connects, one, variants, rounds)));
    } finally {
      connects.end();
    }
  }
  return found.map(({ what, goal, ratio }) => ({ what, goal, ratio }));
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 40);
  execFileSync("make", ["-s", "-C", at("bench/traffic")], { stdio: "inherit" });
  network(true);
  const tables: Tables[] = [];
  try {
    for (const count of COUNTS) tables.push(new Tables(count));
    const found = await connectRates(tables, rounds);
    const more = oneMore(tables[2] as Tables);
    writeResult("services", {
      question: "connects to a service by how many services there are, against one; and one backend more",
      method: `connects one after the other from CPU ${CPU}, slices of ${SLICE_MS} ms, ${rounds} pairs in random order; median of paired ratios of connects a second with quartiles. UDP connects one socket again and again and sends nothing; TCP is refused by a closed port of the same namespace. One backend is added to a service of 1,000 beside 100,000 services of one, 20 times; medians`,
      findings: [
        ...found.map(({ what, goal, ratio }) => ({
          what,
          ...(goal ? { goal: "≥ 0.99 of 1 service", met: nearOne(ratio) } : {}),
          measured: shown(ratio),
        })),
        {
          what: "one backend more of 1,000, at 100,000 services: in the kernel's tables",
          goal: "≤ 1 ms",
          met: more.writeMs <= 1,
          measured: `${more.writeMs} ms, ${more.slots} slots, ${more.bytes} bytes; planned in ${more.planMs} ms`,
        },
      ],
      figures: { connects: found, more },
    });
  } finally {
    for (const one of tables) one.close();
    network(false);
  }
}

await main();
