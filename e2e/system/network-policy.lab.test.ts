/**
 * What policies mean, by real connections: every case of packages/policy/testdata on pods of two hosts, its policies applied
 * to the real control plane, its attempts made at once from processes inside the pods. An attempt that is blocked is silent
 * and stands in the database as dropped by a rule of the case; silence alone is no proof. SCTP is made by packets of our own.
 */
import { documentText } from "@millrace/contract/document";
import { DEFAULT_NAMESPACE } from "@millrace/contract/policy-protocol";
import type { Family } from "@millrace/contract/prefix";
import { VERDICT_NUMBER } from "@millrace/contract/verdict";
import { readDocument } from "@millrace/policy/document";
import { selects } from "@millrace/policy/judge";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Addresses,
  type CaseAttempt,
  casesIn,
  identitiesOf,
  type PolicyCase,
  world,
} from "../../packages/policy/test/cases.ts";
import { until } from "./child.ts";
import type { Document } from "./operator.ts";
import { addOutsider, OUTSIDE } from "./outsider.ts";
import { type Answer, Prober, probedPods } from "./prober.ts";
import { Stack } from "./stack.ts";

/** Both in the soak: what a rule means doesn't depend on it. */
const MODES = process.env.MILLRACE_SOAK === "1" ? (["direct", "overlay"] as const) : (["direct"] as const);
const HOSTS = 2;
/** How long an attempt that is to be blocked may go unanswered; whether it was is read in the database. */
const BLOCKED_MS = 300;
/** Each attempt has a source port, or an echo's identifier, of its own. */
const FIRST_PORT = 33_000;
const POOL = { ip4: "10.201.0.0/16", ip6: "fd00:201::/48" };
const OUTCOMES: Record<Answer["outcome"], string> = {
  ...{ answered: "connects", silent: "blocked" },
  ...{ refused: "refused", unreachable: "unreachable", broken: "broken" },
};

const { pods, namespaces } = world();
const identities = identitiesOf(world());
const podName = (name: string) => name.replace("/", "-");
/** Every other pod of a namespace is on the other host, and the next namespace begins there. */
const hostOf = (name: string): number => (Object.keys(pods).indexOf(name) % HOSTS) + 1;

type Made = { attempt: CaseAttempt; family: Family; port: number; revisions: ReadonlySet<number> };
const textOf = ({ attempt: { from, to, protocol, port }, family }: Pick<Made, "attempt" | "family">) =>
  `${from} -> ${to} ${protocol}${port === null ? "" : `/${port}`} v${family}`;

class Table {
  readonly stack: Stack;
  readonly made: Made[] = [];
  readonly #probers: ReadonlyMap<string, Prober>;
  readonly #addresses: Readonly<Record<string, Addresses>>;
  #standing: Document[] = [];

  private constructor(
    stack: Stack,
    probers: ReadonlyMap<string, Prober>,
    addresses: Readonly<Record<string, Addresses>>,
  ) {
    this.stack = stack;
    this.#probers = probers;
    this.#addresses = addresses;
  }

  static async open(stack: Stack): Promise<Table> {
    const probed = await probedPods(
      stack.lab,
      Object.entries(pods).map(([name, { labels, ports }]) => ({
        ...{ name: podName(name), namespace: name.split("/")[0] as string, hostNumber: hostOf(name) },
        labels: { ...labels, ...portLabels(ports) },
      })),
    );
    const probers = new Map(Object.keys(pods).map((name) => [name, probed[podName(name)] as Prober]));
    const addresses: Record<string, Addresses> = { pods: POOL, outside: OUTSIDE };
    for (const name of Object.keys(pods)) addresses[name] = stack.lab.pod(podName(name));
    for (const [i, name] of Object.keys(world().outsiders).entries()) {
      const outsider = await addOutsider(stack.lab, i + 1);
      addresses[name] = outsider;
      probers.set(name, await Prober.inNetns(outsider.netns, name));
    }
    for (let n = 1; n <= HOSTS; n++) {
      const { netns, uplink } = stack.lab.host(n);
      addresses[`host ${n}`] = uplink;
      probers.set(`host ${n}`, await Prober.inNetns(netns, `host ${n}`));
    }
    await allIdentified(stack);
    await stack.operator.apply(
      ...Object.entries(namespaces).map(([name, labels]) => ({
        ...{ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } },
      })),
    );
    return new Table(stack, probers, addresses);
  }
  async close(): Promise<void> {
    await Promise.all([...this.#probers.values()].map((prober) => prober.end()));
  }

  /** These policies and no others, in force wherever they or those before select somebody; their revisions. */
  async put(one: PolicyCase): Promise<Set<number>> {
    const documents = one.documents(this.#addresses) as Document[];
    const before = this.#standing;
    this.#standing = [...before, ...documents]; // as far as this fails in the middle
    const revisions = await this.#apply(documents, before);
    const names = new Set(documents.map(keyOf));
    await this.#delete(before.filter((document) => !names.has(keyOf(document))));
    this.#standing = documents;
    return revisions;
  }
  async #apply(documents: readonly Document[], before: readonly Document[]): Promise<Set<number>> {
    if (documents.length === 0) return new Set();
    const applied = await this.stack.operator.applyQuickly(documents);
    const changed = new Set(applied.filter(({ what }) => what !== "unchanged").map(documentText));
    const concerned = [...before, ...documents].filter((document) => changed.has(keyOf(document)));
    await this.stack.inForce(hostsOf(concerned));
    return new Set(applied.map(({ revision }) => revision as number));
  }
  async #delete(documents: readonly Document[]): Promise<void> {
    if (documents.length === 0) return;
    await this.stack.operator.deleteQuickly(documents.map(nameOf));
    await this.stack.inForce(hostsOf(documents));
  }

  async outcomes(one: PolicyCase, revisions: ReadonlySet<number>): Promise<string[]> {
    const first = FIRST_PORT + this.made.length;
    const made = one.attempts
      .flatMap((attempt) => attempt.families.map((family) => ({ attempt, family, revisions })))
      .map((made, i) => ({ ...made, port: first + i }));
    this.made.push(...made);
    const outcomes = await Promise.all(
      made.map(async (one) => `${textOf(one)}: ${await this.#outcome(one)}`),
    );
    await this.#allJudged();
    return outcomes;
  }
  /** A packet that still waits for an agent's answer would be judged by the next case's policies. */
  async #allJudged(): Promise<void> {
    const hosts = Array.from({ length: HOSTS }, (_, i) => i + 1);
    await until(
      "no agent holds a packet",
      async () => (await Promise.all(hosts.map((host) => held(this.stack, host)))).every((n) => n === 0),
      { deadlineMs: 10_000, everyMs: 10 },
    );
  }
  async #outcome({ attempt, family, port: from }: Made): Promise<string> {
    const { protocol, port, outcome } = attempt;
    const prober = this.#probers.get(this.#nameOf(attempt.from, attempt.to));
    const to = this.#addresses[this.#nameOf(attempt.to, attempt.from)]?.[`ip${family}`];
    if (!prober || !to) throw new Error(`nobody is ${attempt.from} or ${attempt.to}`);
    const patience = outcome === "blocked" ? { waitMs: BLOCKED_MS } : {};
    const answer = await prober.try({ protocol, to, port, from, abrupt: true, ...patience });
    const seen = OUTCOMES[answer.outcome];
    return seen === "connects" && outcome === "would-block" ? outcome : seen;
  }
  #nameOf(name: string, other: string): string {
    return name === "host" ? `host ${hostOf(other)}` : name;
  }
}

const portLabels = (ports: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(ports).map(([name, text]) => {
      const [protocol = "", port = ""] = text.split("/");
      return [`port.millrace.io/${name}`, `${port}-${protocol.toUpperCase()}`];
    }),
  );
const allIdentified = (stack: Stack): Promise<boolean> =>
  until(
    "every pod is published with its labels",
    async () => {
      const rows = await stack.query(
        "select from network_endpoints e join identities i on i.id = e.identity_id where i.labels ? 'pod'",
      );
      return rows.length === Object.keys(pods).length;
    },
    { deadlineMs: 30_000, everyMs: 100 },
  );
const ENDS = ["put_back", "absent", "late", "overflowed", "failed", "forged"] as const;
/** How many packets a host's agent has taken up and not yet done with. */
async function held(stack: Stack, host: number): Promise<number> {
  const metrics = await stack.metrics(host);
  const count = (name: string) => metrics(`network_${name}_total`) ?? Number.NaN;
  return count("taken") - ENDS.map(count).reduce((sum, one) => sum + one, 0);
}
const nameOf = ({ kind, metadata }: Document) => {
  const { namespace = DEFAULT_NAMESPACE, name } = metadata as { namespace?: string; name: string };
  return { kind: kind as "Policy" | "NetworkPolicy", namespace, name };
};
const keyOf = (document: Document): string => documentText(nameOf(document));
/** Those that have somebody whom one of the policies selects: they are told of a change. */
function hostsOf(documents: readonly Document[]): number[] {
  const policies = documents.map((document) => {
    const read = readDocument(document);
    if (!read.ok || read.value.kind !== "policy") throw new Error(JSON.stringify(read));
    return { ...read.value.policy, number: 1, revision: 1 };
  });
  const selected = [...identities].filter(([, one]) => policies.some((policy) => selects(policy, one)));
  return [...new Set(selected.map(([name]) => hostOf(name)))];
}

type Row = { port: number; verdict: number; rule: number; revision: number; answered: boolean };
/** What is missing or wrong in what the database says of an attempt; undefined: nothing. */
function complaint({ attempt, revisions }: Made, rows: readonly Row[]): string | undefined {
  const of = (verdict: keyof typeof VERDICT_NUMBER) =>
    rows.filter((row) => row.verdict === VERDICT_NUMBER[verdict]);
  const byCase = (row: Row) => row.rule > 0 && revisions.has(row.revision);
  const isAnswered = rows.some(({ answered }) => answered);
  if (attempt.outcome === "blocked") {
    if (isAnswered) return "it was answered";
    return of("dropped").some(byCase) ? undefined : "no row says that a rule of the case dropped it";
  }
  if (!isAnswered) return "no row says that it was answered";
  if (attempt.outcome === "would-block")
    return of("would-drop").some(byCase) ? undefined : "no row says that it would be dropped";
  // Its last words may come when the next case's policies are in force and be dropped by one that stayed, which its row then
  // says, the only one if that is within a report's second. Who was answered was forwarded before.
  return of("forwarded").length + of("dropped").length > 0 ? undefined : "no row says that it was forwarded";
}

describe.each(MODES)("policies by real connections, %s", (mode) => {
  let stack: Stack;
  let table: Table;
  beforeAll(async () => {
    stack = await Stack.up({ name: `np${mode}`, hosts: HOSTS, dataplane: mode, operator: true });
    table = await Table.open(stack);
  }, 120_000);
  afterAll(async () => {
    await table?.close();
    await stack?.down();
  }, 60_000);

  describe.each(["network-policy", "native"] as const)("%s:", (folder) => {
    test.each(casesIn(folder).map((one) => [`${one.file}: ${one.name}`, one] as const))(
      "%s",
      async (_, one) => {
        const revisions = await table.put(one);
        const expected = one.attempts.flatMap((attempt) =>
          attempt.families.map((family) => `${textOf({ attempt, family })}: ${attempt.outcome}`),
        );
        expect(await table.outcomes(one, revisions)).toEqual(expected);
      },
      30_000,
    );
  });

  test("each of them stands in the database: forwarded, dropped or would drop by a rule of its case", async () => {
    // What a pod sends itself never leaves it.
    const made = table.made.filter(({ attempt: { from, to } }) => from !== to);
    expect(made.length).toBeGreaterThan(1000);
    let complaints: string[] = [];
    await until(
      `${made.length} attempts are accounted for`,
      async () => {
        const rows = await stack.query<Row>(
          `select src_port as port, verdict, rule::float8 as rule, revision::float8 as revision,
             sum(rev_packets) > 0 as answered
           from flow_updates where src_port >= $1 and src_port < $1::int + $2::int group by 1, 2, 3, 4`,
          [FIRST_PORT, table.made.length],
        );
        const byPort = new Map<number, Row[]>();
        for (const row of rows) byPort.set(row.port, [...(byPort.get(row.port) ?? []), row]);
        complaints = made.flatMap((one) => {
          const wrong = complaint(one, byPort.get(one.port) ?? []);
          return wrong ? [`${textOf(one)} (${one.attempt.outcome}, ${one.port}): ${wrong}`] : [];
        });
        return complaints.length === 0;
      },
      { deadlineMs: 20_000, everyMs: 500, explain: () => complaints.join("\n") },
    );
  }, 60_000);
});
