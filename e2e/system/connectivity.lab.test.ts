/**
 * `millrace connectivity test` as an operator runs it, on two hosts that Millrace carries packets for: all is well; then it is
 * interrupted; then a policy of somebody else's stops what must pass, and a network is narrower than it says. What is broken
 * must be named, what isn't must not, and nothing of the test's own may be left.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { at } from "../../tools/paths.mjs";
import type { Document } from "./operator.ts";
import { Stack } from "./stack.ts";

const run = promisify(execFile);
const PLUGIN = at("packages/cni/build/millrace-cni");
const HOSTS = [1, 2];
/** Both in the soak: only the way is another. */
const MODES = process.env.MILLRACE_SOAK === "1" ? (["direct", "overlay"] as const) : (["direct"] as const);

const Case = z.object({
  ...{ group: z.string(), from: z.string(), to: z.string(), size: z.string(), ok: z.boolean() },
  ...{ family: z.literal([4, 6]), transport: z.enum(["tcp", "udp"]), problems: z.array(z.string()) },
  ...{ seen: z.string(), look: z.string().nullable(), flow: z.string().nullable() },
});
type Case = z.infer<typeof Case>;
const Report = z.object({ cases: z.array(Case), failed: z.int(), notTested: z.array(z.string()) });
type Report = z.infer<typeof Report>;

/** The test's servers by their namespaces' label, whatever a run calls them. */
const NO_UDP6: Document = {
  ...{ apiVersion: "millrace.io/v1", kind: "Policy", metadata: { name: "no-udp6", namespace: "default" } },
  spec: {
    ...{ tier: "platform", subject: { namespaces: { matchLabels: { "millrace-connectivity": "server" } } } },
    ingress: [{ action: "deny", from: [{ cidr: "::/0" }], ports: [{ protocol: "UDP", port: 8080 }] }],
  },
};
const NARROW_BYTES = 1400;

type End = { code: number | null; stdout: string; stderr: string };

describe.each(MODES)("the connectivity test, %s", (mode) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.up({ name: `conn${mode}`, hosts: HOSTS.length, dataplane: mode, operator: true });
    await stack.lab.addPod({
      ...{ name: "till", namespace: "shop", hostNumber: 2, labels: {} },
      containers: [{ name: "idle", argv: ["/usr/bin/sleep", "infinity"], restart: false }],
    });
    await stack.allCovered();
  }, 120_000);
  afterAll(async () => {
    await stack?.down();
  }, 60_000);

  const netnsOf = (number: number): string => stack.lab.host(number).netns;
  const argv = (): string[] => [
    ...["connectivity", "test", "--cni-plugin", PLUGIN, "-o", "json"],
    ...[
      "--host",
      ...HOSTS.map((n) => `${stack.lab.name}-h${n}=${stack.lab.host(n).cniSocket},${netnsOf(n)}`),
    ],
  ];

  /** Interrupted as soon as it says that. */
  async function ended(more: readonly string[] = [], interruptAt?: string): Promise<End> {
    const child = stack.operator.begin([...argv(), ...more]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => {
      const before = stderr;
      stderr += data.toString();
      if (interruptAt && !before.includes(interruptAt) && stderr.includes(interruptAt)) child.kill("SIGINT");
    });
    const [code] = await once(child, "close");
    return { code, stdout, stderr };
  }
  async function tested(...more: string[]): Promise<{ code: number | null; report: Report }> {
    const { code, stdout, stderr } = await ended(more);
    if (stdout === "") throw new Error(`exit code ${code}: ${stderr}`);
    return { code, report: Report.parse(JSON.parse(stdout)) };
  }

  /** What a run makes: namespaces, pods' links, documents. */
  async function left(): Promise<string[]> {
    const documents = await stack.query<{ text: string }>(
      "select kind || ' ' || namespace || '/' || name as text from documents where namespace || name like 'millrace-conn%'",
    );
    const links = await Promise.all(
      HOSTS.map((n) => run("nsenter", [`--net=${netnsOf(n)}`, "ip", "-o", "link"])),
    );
    const standing = stack.lab.pod("till").hostDevice;
    const isOfARun = (line: string) => /: mr[0-9a-f]{12}[@:]/.test(line) && !line.includes(standing);
    return [
      ...readdirSync("/run/netns").filter((name) => name.startsWith("millrace-conn-")),
      ...documents.map(({ text }) => text),
      ...links.flatMap(({ stdout }) => stdout.split("\n").filter(isOfARun)),
    ];
  }

  test("what works is found to work, every way, by the sockets and by the record", async () => {
    const { code, report } = await tested("--to", "shop/till");
    expect(report.cases.filter(({ ok }) => !ok)).toEqual([]);
    expect(code).toBe(0);
    expect(report.notTested).toEqual([]);
    const groups = ["service", "size", "policy admits", "policy denies"].flatMap((what) =>
      ["same host", "cross host"].map((where) => `${what}, ${where}`),
    );
    expect(new Set(report.cases.map(({ group }) => group))).toEqual(
      new Set([
        "same host",
        "cross host",
        "pod to its host",
        "host to its pod",
        "pod that was named",
        ...groups,
      ]),
    );
    expect(report.cases.every(({ flow }) => flow !== null)).toBe(true);
    expect(await left()).toEqual([]);
  }, 60_000);

  test("interrupted in the middle it takes away all that it has made", async () => {
    const { code, stdout } = await ended([], "connections");
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(await left()).toEqual([]);
  }, 30_000);

  test("what is broken is named with its reason, and nothing else is", async () => {
    await stack.operator.apply(NO_UDP6);
    const underlay = netnsOf(1).replace(/-h1$/, "-net");
    await run("nsenter", [`--net=${underlay}`, "ip", "link", "set", "h1", "mtu", String(NARROW_BYTES)]);
    const { code, report } = await tested();
    expect(code).toBe(1);

    const isToServer = ({ from, to }: Case) => from.startsWith("client@") && to.startsWith("server@");
    const isStopped = (one: Case) =>
      isToServer(one) &&
      one.family === 6 &&
      one.transport === "udp" &&
      !one.group.startsWith("policy denies");
    const isTooLarge = ({ group, transport }: Case) => group === "size, cross host" && transport === "udp";
    // A stream may get through a narrow link: the lab's devices pass on what is yet to be cut into packets.
    const sure = report.cases.filter(
      ({ group, transport }) => group !== "size, cross host" || transport === "udp",
    );
    const named = ({ from, to, group, family, transport, size }: Case) =>
      `${group}: ${from} ${to} ${transport}${family} ${size}`;
    expect(sure.filter(({ ok }) => !ok).map(named)).toEqual(
      sure.filter((one) => isStopped(one) || isTooLarge(one)).map(named),
    );
    for (const one of report.cases.filter((each) => isStopped(each) && !isTooLarge(each)))
      expect(one.problems, named(one)).toContainEqual(
        expect.stringMatching(/^rule \d+\/1 is of Policy default\/no-udp6$/),
      );
    for (const one of report.cases.filter((each) => isTooLarge(each) && each.family === 4))
      expect(one, named(one)).toMatchObject({
        problems: ["it did not get through"],
        seen: expect.stringMatching(new RegExp(`^no answer .*, ${mode}, `)),
      });
    expect(await left()).toEqual([]);
  }, 60_000);
});
