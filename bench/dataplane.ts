/**
 * What Millrace's dataplane costs beside its limits and its peers, all in one run: a bare link, the same with empty
 * programs, bridge, kernel routing, NAT and policy by the kernel's own means, Open vSwitch, kernel VXLAN. Paired slices
 * in random order on one CPU. `node --import tsx bench/dataplane.ts [pairs]`; the result is written to
 * bench/results/dataplane.json.
 */
import { execFileSync } from "node:child_process";
import { runStats } from "@millrace/native/native";
import { at } from "../tools/paths.mjs";
import { betweenHosts, forgetFlows, type MillraceVariant, sameHost } from "./dataplane/millrace.ts";
import * as openVswitch from "./dataplane/open-vswitch.ts";
import * as peers from "./dataplane/peers.ts";
import { tunnelRedirect, vethRedirect, wireRedirect } from "./dataplane/redirects.ts";
import { pathTiers } from "./dataplane/tiers.ts";
import type { Variant } from "./dataplane/variant.ts";
import { Exchange, type Load } from "./exchange.ts";
import { type Finding, type Ratio, ratioOf, shown, writeResult } from "./result.ts";

const SLICE_MS = 300;
const CPU = 1;

/** What is sent, and whether the sender's device cuts segments itself. */
const MEASURES = {
  rr: { load: "rr", offload: true, what: "request/response, 1 byte" },
  crr: { load: "crr", offload: true, what: "connect, request, response, close" },
  bulk: { load: "bulk", offload: true, what: "bulk TCP, TSO on" },
  segments: { load: "bulk", offload: false, what: "bulk TCP, TSO off" },
  udp: { load: "udp", offload: true, what: "UDP of 18 bytes" },
} as const satisfies Record<string, { load: Load; offload: boolean; what: string }>;
type Measure = keyof typeof MEASURES;
const ALL = Object.keys(MEASURES) as Measure[];

/** design/targets.md's, as ratios to the bare link. */
const GOALS: Readonly<Record<string, Partial<Record<Measure, number>>>> = {
  same: { rr: 0.95 },
  direct: { rr: 0.93 },
  overlay: { rr: 0.92, crr: 0.9, bulk: 0.95, segments: 0.8 },
};

const millrace = (): MillraceVariant[] => [
  sameHost("same-free", "same host: Millrace, no policy", { policy: false }),
  sameHost("same", "same host: Millrace, policy at both ends"),
  sameHost("same6", "same host: Millrace, policy at both ends, IPv6", { family: "ip6" }),
  sameHost("service", "same host: Millrace, policy, a service's packets translated", { service: "packets" }),
  betweenHosts("direct", "between hosts: Millrace, direct, policy at both ends", "direct"),
  betweenHosts("direct6", "between hosts: Millrace, direct, policy at both ends, IPv6", "direct", {
    family: "ip6",
  }),
  betweenHosts("overlay-free", "between hosts: Millrace, overlay, no policy", "overlay", { policy: false }),
  betweenHosts("overlay", "between hosts: Millrace, overlay, policy at both ends", "overlay"),
  betweenHosts("overlay6", "between hosts: Millrace, overlay, policy at both ends, IPv6", "overlay", {
    family: "ip6",
  }),
  betweenHosts(
    "service2",
    "between hosts: Millrace, overlay, policy, a service's packets translated",
    "overlay",
    {
      service: "packets",
    },
  ),
];

/** The same ways by a redirect alone: below that no dataplane can come. */
const ALONE: Readonly<Record<string, string>> = {
  same: "veth-redirect",
  direct: "wire-redirect",
  overlay: "tunnel-redirect",
};

const isOurs = (variant: Variant): variant is MillraceVariant => "hosts" in variant;

class Course {
  readonly variant: Variant;
  readonly #exchange: Exchange;
  private constructor(variant: Variant, exchange: Exchange) {
    this.variant = variant;
    this.#exchange = exchange;
  }
  static async open(variant: Variant): Promise<Course> {
    return new Course(variant, await Exchange.start({ ...variant, cpu: CPU }));
  }
  async slice(measure: Measure): Promise<number> {
    const { load, offload } = MEASURES[measure];
    if (!offload) this.#segment("off");
    const rate = await this.#exchange.slice(load, SLICE_MS);
    if (!offload) this.#segment("on");
    if (load === "crr" && isOurs(this.variant)) forgetFlows(this.variant);
    return rate;
  }
  #segment(word: "on" | "off"): void {
    for (const netns of [this.variant.client, this.variant.server])
      execFileSync("nsenter", [`--net=${netns}`, "ethtool", "-K", "eth0", "tso", word, "gso", word], {
        stdio: "ignore",
      });
  }
  end(): void {
    this.#exchange.end();
    this.variant.end?.();
  }
}

/** In every round each of them once, in random order, paired with the bare link before or after it. */
async function compare(limit: Course, courses: readonly Course[], measure: Measure, rounds: number) {
  const pairs = new Map(courses.map((course) => [course, [] as [number, number][]]));
  for (const course of [limit, ...courses]) await course.slice(measure);
  for (let round = 0; round < rounds; round++)
    for (const course of [...courses].sort(() => Math.random() - 0.5)) {
      const first = Math.random() < 0.5;
      const a = await (first ? course : limit).slice(measure);
      const b = await (first ? limit : course).slice(measure);
      pairs.get(course)?.push(first ? [a, b] : [b, a]);
    }
  return new Map([...pairs].map(([{ variant }, found]) => [variant.name, ratioOf(found)]));
}

/** Nanoseconds of one run of each program under request/response, by the kernel's own statistics (which cost some themselves). */
async function programTimes(course: Course): Promise<Record<string, number>> {
  const { hosts } = course.variant as MillraceVariant;
  const programs = ["pod_egress", "pod_ingress", "wire_ingress"].map((name) => ({
    name,
    of: hosts.map((host) => host.object.program(name)),
  }));
  const stop = runStats();
  await course.slice("rr");
  stop.close();
  return Object.fromEntries(
    programs.flatMap(({ name, of }) => {
      const runs = of.map((program) => program.counters());
      const count = runs.reduce((sum, { runCount }) => sum + Number(runCount), 0);
      return count === 0
        ? []
        : [[name, runs.reduce((sum, { runTimeNs }) => sum + Number(runTimeNs), 0) / count] as const];
    }),
  );
}

type Ratios = Record<Measure, Map<string, Ratio>>;

function findingsOf(variants: readonly Variant[], ratios: Ratios): Finding[] {
  const lines = variants.map(({ name, what }) => ({
    what,
    measured: ALL.map((measure) => `${measure} ${ratios[measure].get(name)?.median ?? "–"}`).join(", "),
  }));
  const goals = Object.entries(GOALS).flatMap(([name, of]) =>
    Object.entries(of).flatMap(([measure, goal]) => {
      const ratio = ratios[measure as Measure].get(name);
      const what = `${whatOf(variants, name)}: ${MEASURES[measure as Measure].what}`;
      return ratio
        ? [{ what, goal: `≥ ${goal} of the bare link`, measured: shown(ratio), met: ratio.median >= goal }]
        : [];
    }),
  );
  const alone = Object.entries(ALONE).map(([name, by]) => ({
    what: `${whatOf(variants, name)}: of what is left by ${whatOf(variants, by)}`,
    measured: ALL.map((measure) => `${measure} ${quotient(ratios[measure], name, by)}`).join(", "),
  }));
  return [...goals, ...alone, ...lines];
}
const whatOf = (variants: readonly Variant[], name: string): string =>
  variants.find((one) => one.name === name)?.what ?? name;
const quotient = (of: ReadonlyMap<string, Ratio>, name: string, by: string): string =>
  ((of.get(name)?.median ?? Number.NaN) / (of.get(by)?.median ?? Number.NaN)).toFixed(3);

const timesText = (times: Record<string, number>): string =>
  Object.entries(times)
    .map(([name, ns]) => `${name} ${ns.toFixed(0)} ns`)
    .join(", ");

async function measureAll(limit: Course, courses: readonly Course[], rounds: number): Promise<void> {
  const variants = courses.map(({ variant }) => variant);
  const ratios = {} as Ratios;
  for (const measure of ALL) ratios[measure] = await compare(limit, courses, measure, rounds);
  const times: Record<string, Record<string, number>> = {};
  for (const course of courses.filter(({ variant }) => isOurs(variant)))
    times[course.variant.name] = await programTimes(course);
  const tiers = pathTiers();
  writeResult("dataplane", {
    question: "ways between two pods: Millrace, its limits and its peers",
    method: `one client, one server, both on CPU ${CPU}, slices of ${SLICE_MS} ms, ${rounds} pairs of each with the bare veth pair in random order; medians of paired ratios, quartiles in the file. ${ALL.map((measure) => `${measure}: ${MEASURES[measure].what}`).join("; ")}. Bulk and UDP by what arrived. Millrace's tables filled by hand, no agent; conntrack and accounting always on; closed flows removed between slices`,
    findings: [
      ...findingsOf(variants, ratios),
      ...Object.entries(times).map(([name, of]) => ({
        what: `${name}: one run of each program under request/response, by the kernel's run-time statistics`,
        measured: timesText(of),
      })),
      {
        what: "pod to pod of one host, one packet through the program, no stack: fast path, slow path, empty program",
        measured: timesText(tiers),
      },
    ],
    figures: {
      ratios: Object.fromEntries(ALL.map((measure) => [measure, Object.fromEntries(ratios[measure])])),
      ...{ times, tiers },
    },
  });
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 30);
  execFileSync("make", ["-s", "-C", at("bench/traffic")], { stdio: "inherit" });
  const courses: Course[] = [];
  const open = async (variant: Variant | undefined) => {
    if (variant) courses.push(await Course.open(variant));
  };
  try {
    await open(peers.bare("limit", "the limit: a bare veth pair"));
    await open(peers.bare("control", "another bare veth pair (control)"));
    const { floor, bridge, routing, iptablesNat, nftables, routingBetween, bridgeVxlan } = peers;
    for (const make of [floor, bridge, routing, iptablesNat, nftables]) await open(make());
    await open(await openVswitch.inUserspace());
    for (const make of [routingBetween, bridgeVxlan]) await open(make());
    for (const make of [vethRedirect, wireRedirect, tunnelRedirect]) await open(make());
    for (const variant of millrace()) await open(variant);
    const [limit, ...others] = courses;
    if (limit) await measureAll(limit, others, rounds);
  } finally {
    for (const course of courses) course.end();
    peers.removeNamespaces();
  }
}

await main();
