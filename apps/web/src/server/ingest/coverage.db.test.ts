import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import {
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  flowId,
  ip,
  newIncarnation,
  SECOND_US,
} from "../testing/agent-batch.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";

const database = testDatabase();
let instance: IngestInstance;
const hosts = ["h1", "h2", "h3"];
const credentials: string[] = [];
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  for (const host of hosts) credentials.push(await instance.enrol(host));
});
afterAll(() => instance?.stop());

const START_US = Math.floor(Date.now() / 60_000 - 120) * 60 * SECOND_US;
const PODS = 2;
/** Ends are pods by number (host × PODS + n), beyond them strangers. */
const STRANGERS = hosts.length * PODS;
const addressOf = (run: number, end: number) => `10.${run}.${end < STRANGERS ? 0 : 9}.${end + 1}`;

const aRandomFlow = fc.record({
  pod: fc.nat({ max: PODS - 1 }),
  peer: fc.nat({ max: STRANGERS }),
  isSource: fc.boolean(),
  knows: fc.boolean(),
  port: fc.constantFrom(80, 443),
  fwdBytes: fc.integer({ min: 1, max: 1e9 }),
  verdict: fc.nat({ max: 3 }),
  drops: fc.nat({ max: 2 }),
  retransmits: fc.nat({ max: 2 }),
  rttUs: fc.constantFrom(0, 120, 4500),
});
/** Of one host at one second of over an hour: which of its pods it speaks of, and their flows. */
const aBatch = fc.record({
  host: fc.nat({ max: hosts.length - 1 }),
  second: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 700 }), fc.nat({ max: 5000 })),
  speaksOf: fc.subarray([0, 1], { minLength: 1 }),
  flows: fc.array(aRandomFlow, { minLength: 1, maxLength: 5 }),
});
type Flow = typeof aRandomFlow extends fc.Arbitrary<infer T> ? T : never;
type AnyBatch = typeof aBatch extends fc.Arbitrary<infer T> ? T : never;

const atOf = (batch: AnyBatch) => START_US + batch.second * SECOND_US;
const flowsOf = ({ speaksOf, flows }: AnyBatch) => flows.filter((flow) => speaksOf.includes(flow.pod));
const endsOf = ({ host }: AnyBatch, { pod, peer, isSource }: Flow) => {
  const own = host * PODS + pod;
  return isSource ? { src: own, dst: peer, own } : { src: peer, dst: own, own };
};

function bytesOf(run: number, batch: AnyBatch, incarnation: ReturnType<typeof newIncarnation>): Uint8Array {
  const at = atOf(batch);
  const flows = flowsOf(batch).map((flow, i) => {
    const { src, dst } = endsOf(batch, flow);
    return aFlow(at, {
      ...{ src: ip(addressOf(run, src)), dst: ip(addressOf(run, dst)), srcPort: 40_000, dstPort: flow.port },
      ...{ observer: flow.knows ? (flow.isSource ? 0 : 1) : 2, endpoint: batch.speaksOf.indexOf(flow.pod) },
      ...{ fwdBytes: flow.fwdBytes, verdict: flow.verdict, drops: flow.drops, rttUs: flow.rttUs },
      ...{ retransmits: flow.retransmits, flowId: flowId(i) },
      ...{ carried: flow.retransmits % 2, slowPackets: flow.drops },
      ...{ [flow.isSource ? "srcWorkload" : "dstWorkload"]: batch.speaksOf.indexOf(flow.pod) + 1 },
    });
  });
  return batchBytes(at, {
    incarnation,
    workloads: batch.speaksOf.map((pod) => aWorkload({ pod: `p${pod}`, service: `s${batch.host}-${pod}` })),
    endpoints: batch.speaksOf.map((pod, i) =>
      anEndpoint({
        uid: `${run}:${pod}`,
        workload: i + 1,
        addresses: [addressOf(run, batch.host * PODS + pod)],
      }),
    ),
    flows,
  });
}

/** The rule, over all batches at once: flow updates of the run that count, by batch and row. */
function modelled(batches: AnyBatch[]): boolean[][] {
  const lives = new Map<number, { from: number; until: number }>();
  for (const batch of batches)
    for (const pod of batch.speaksOf) {
      const own = batch.host * PODS + pod;
      const life = lives.get(own) ?? { from: Infinity, until: 0 };
      const until = (Math.ceil(atOf(batch) / 60e6) + 10) * 60e6;
      lives.set(own, {
        from: Math.min(life.from, atOf(batch) - 16e6),
        until: Math.max(life.until, until),
      });
    }
  const covers = (end: number, at: number) => {
    const life = lives.get(end);
    return life !== undefined && life.from <= at && at <= life.until;
  };
  return batches.map((batch) =>
    flowsOf(batch).map((flow) => {
      const { src, dst, own } = endsOf(batch, flow);
      if (flow.knows) return flow.isSource || !covers(src, atOf(batch));
      const first = src < dst || (src === dst && 40_000 <= flow.port) ? src : dst;
      return first === own || !covers(first, atOf(batch));
    }),
  );
}

let run = 0;
const someBatches = fc.array(aBatch, { minLength: 4, maxLength: 12 });

test("whatever the order in which hosts' batches come, the same updates count, and every sum is theirs", async () => {
  let uncounted = 0;
  await fc.assert(
    fc.asyncProperty(someBatches, fc.boolean(), async (batches, together) => {
      run++;
      const before = instance.ingest.store.enricher.coverage.uncounted;
      const keys = batches.map(() => newIncarnation());
      const push = async (which: number[]) => {
        for (const i of which) {
          const batch = batches[i] as AnyBatch;
          const answer = await instance.push(
            bytesOf(run, batch, keys[i] as (typeof keys)[0]),
            credentials[batch.host] as string,
          );
          expect(answer).toMatchObject({ status: 200 });
        }
      };
      const order = batches.map((_, i) => i);
      // Each host has one batch at a time on its way; hosts are at it together, or wait for each other.
      if (together)
        await Promise.all(hosts.map((_, host) => push(order.filter((i) => batches[i]?.host === host))));
      else await push(order);
      expect(await countedOf(keys)).toEqual(modelled(batches));
      await expectSums();
      uncounted += instance.ingest.store.enricher.coverage.uncounted - before;
    }),
    { numRuns: 30 },
  );
  expect(uncounted).toBeGreaterThan(5); // or it tried nothing
});

test("an ingest process that starts anew decides as its predecessor would have", async () => {
  run++;
  const early = { host: 0, second: 100, speaksOf: [0], flows: [] };
  const flow = { pod: 1, peer: 0, isSource: false, knows: true, port: 80 as const, fwdBytes: 5 };
  const later: AnyBatch = {
    ...{ host: 1, second: 150, speaksOf: [1] },
    flows: [{ ...flow, verdict: 0, drops: 0, retransmits: 0, rttUs: 0 as const }],
  };
  const key = newIncarnation();
  await instance.push(bytesOf(run, early, newIncarnation()), credentials[0] as string);
  await instance.stop();
  instance = await IngestInstance.start(database.url);
  await instance.push(bytesOf(run, later, key), credentials[1] as string);
  expect(await countedOf([key])).toEqual([[false]]);
});

test("two ingest processes decide as one: what one learnt the other knows with its next batch", async () => {
  run++;
  const { BatchStore } = await import("./store.ts");
  const { decodeBatch } = await import("./decode.ts");
  const { pool } = await import("../db.ts");
  const { partitions } = instance.ingest;
  const other = new BatchStore(pool(), partitions, () => instance.ingest.retention);
  const flow = { pod: 0, peer: 0, isSource: false, knows: true, port: 80 as const, fwdBytes: 5 };
  const told: AnyBatch = {
    ...{ host: 1, second: 300, speaksOf: [0] },
    flows: [{ ...flow, verdict: 0, drops: 0, retransmits: 0, rttUs: 0 as const }],
  };
  await instance.push(
    bytesOf(run, { host: 0, second: 300, speaksOf: [0], flows: [] }, newIncarnation()),
    credentials[0] as string,
  );
  const key = newIncarnation();
  const decoded = decodeBatch(bytesOf(run, told, key), Date.now() * 1000);
  if (!decoded.ok) throw new Error(decoded.reason);
  const [host] = await rows<{ id: number }>("select id from hosts where name = 'h2'");
  await other.store(decoded.batch, { hostId: host?.id as number, hostName: "h2" }, Date.now());
  expect(await countedOf([key])).toEqual([[false]]);
});

async function countedOf(keys: readonly string[]): Promise<boolean[][]> {
  const stored = await rows<{ key: string; counted: boolean[] | null }>(
    `select b.incarnation::text as key, array_agg(f.counted order by f.flow_id) as counted
     from batches b join flow_updates f on f.batch_id = b.id where b.incarnation = any($1::uuid[]) group by 1`,
    [keys],
  );
  const byKey = new Map(stored.map((row) => [row.key, row.counted ?? []]));
  return keys.map((key) => byKey.get(key) ?? []);
}

const SUMMED = ["fwd_packets", "fwd_bytes", "rev_packets", "rev_bytes"];
/** Of updates that Millrace's dataplane tells of. */
const FAST = "greatest(0, fwd_packets + rev_packets - slow_packets)";
const grouped = (keys: string[], sums: string[], from: string) => {
  const by = keys.map((_, i) => i + 1).join(", ");
  return rows(`select ${[...keys, ...sums].join(", ")} from ${from} group by ${by} order by ${by}`);
};
const text = (sum: string, name: string) => `${sum}::text as ${name}`;
const SAMPLES = "sum(coalesce((select sum(n) from unnest(rtt_sketch) n), 0))";
const rolledUp = (keys: string[], from: string) =>
  grouped(
    keys,
    [
      ...["updates", "opened", "drops", "retransmits", ...SUMMED, "slow_packets", "fast_packets"].map((c) =>
        text(`sum(${c})`, c),
      ),
      text(SAMPLES, "samples"),
    ],
    `${from} where updates + drops + retransmits > 0`,
  );
/** Every flow of these batches opens once. */
const told = (keys: string[]) =>
  grouped(
    keys,
    [
      text("count(*) filter (where counted or (verdict = 1 and drops > 0) or verdict = 2)", "updates"),
      text("count(*) filter (where counted)", "opened"),
      ...["drops", "retransmits"].map((c) => text(`sum(${c})`, c)),
      ...[...SUMMED, "slow_packets"].map((c) => text(`coalesce(sum(${c}) filter (where counted), 0)`, c)),
      text(`coalesce(sum(${FAST}) filter (where counted), 0)`, "fast_packets"),
      text("count(rtt_us) filter (where counted)", "samples"),
    ],
    "flow_updates where counted or drops > 0 or retransmits > 0 or verdict = 2",
  );

/** Rollups are those of the rows that count now, by all of the key that rows have; totals are the rollups'. */
async function expectSums(): Promise<void> {
  for (const [width, interval] of [
    ["10s", "10 seconds"],
    ["1m", "1 minute"],
    ["1h", "1 hour"],
  ]) {
    const keys = ["host_id", "dst_port", "proto", "verdict"];
    const ofRows = await told([`date_bin('${interval}', ts, 'epoch') as bucket`, ...keys]);
    expect(await rolledUp(["bucket", ...keys], `rollup_${width}`)).toEqual(ofRows);
    const totals = await rolledUp(["bucket", "verdict"], `total_${width}`);
    expect(totals).toEqual(await rolledUp(["bucket", "verdict"], `rollup_${width}`));
  }
}
