import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { addSample, merge, sketchText } from "../sketch.ts";
import {
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  flowId,
  ip,
  newIncarnation,
} from "../testing/agent-batch.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";

const database = testDatabase();
let instance: IngestInstance;
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
});
afterAll(() => instance?.stop());

const SECOND = 1e6;
const aRandomFlow = fc.record({
  dst: fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.9.9", "1.1.1.1", "2001:db8::1"),
  dstPort: fc.constantFrom(80, 443),
  proto: fc.constantFrom(6, 17),
  observer: fc.nat({ max: 2 }),
  verdict: fc.nat({ max: 3 }),
  fwdBytes: fc.nat(),
  drops: fc.nat({ max: 3 }),
  retransmits: fc.nat({ max: 3 }),
  rttUs: fc.constantFrom(0, 120, 4500),
  carried: fc.nat({ max: 1 }),
  slowPackets: fc.nat({ max: 4 }),
});
/** Batches of one run: at which second, from which of two hosts, with which flows. */
const aRun = fc.array(
  fc.record({
    second: fc.nat({ max: 200 }),
    host: fc.nat({ max: 1 }),
    flows: fc.array(aRandomFlow, { minLength: 1, maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 12 },
);

test("each rollup's sums equal those of the stored updates, by bucket, whatever came in which order", async () => {
  const credentials = [await instance.enrol("h1"), await instance.enrol("h2")];
  const start = Math.floor(Date.now() / 1000 - 3000) * SECOND;
  await fc.assert(
    fc.asyncProperty(aRun, async (run) => {
      for (const { second, host, flows } of run) {
        const at = start + second * SECOND;
        const bytes = batchBytes(at, {
          incarnation: newIncarnation(),
          workloads: [aWorkload({ service: host ? "cart" : "web" })],
          endpoints: [
            anEndpoint({ uid: `u${host}`, workload: 1, addresses: [host ? "10.0.0.2" : "10.0.0.1"] }),
          ],
          flows: flows.map((f, i) =>
            aFlow(at, { ...f, dst: ip(f.dst), flowId: flowId(i), srcWorkload: host }),
          ),
        });
        expect((await instance.push(bytes, credentials[host] as string)).status).toBe(200);
      }
      for (const [table, width] of [
        ["rollup_10s", "10 seconds"],
        ["rollup_1m", "1 minute"],
        ["rollup_1h", "1 hour"],
      ])
        expect(await rows(rolledUp(table as string))).toEqual(await rows(raw(width as string)));
    }),
    { numRuns: 12 },
  );
  // It compared something: several buckets, and updates of both kinds.
  const [mix] = await rows(
    "select count(distinct counted)::int as kinds, count(distinct ts)::int as times from flow_updates",
  );
  expect(mix).toMatchObject({ kinds: 2 });
});

test("sketches are merged in the database as they are in memory", async () => {
  const sketchOf = (samples: readonly number[]): number[] => {
    const sketch: number[] = [];
    for (const us of samples) addSample(sketch, us);
    return sketch;
  };
  const aSketch = fc.array(fc.integer({ min: 1, max: 80_000_000 }), { maxLength: 4 }).map(sketchOf);
  await fc.assert(
    fc.asyncProperty(fc.array(aSketch, { maxLength: 5 }), async (sketches) => {
      const [merged] = await rows<{ sketch: number[] }>(
        "select rtt_sketch_merge(s::int4[]) as sketch from unnest($1::text[]) s",
        [sketches.map(sketchText)],
      );
      expect(merged?.sketch).toEqual(sketches.reduce(merge, [] as number[]));
    }),
    { numRuns: 50 },
  );
});

const SUMMED = ["fwd_packets", "fwd_bytes", "rev_packets", "rev_bytes"];
/** Of updates that Millrace's dataplane tells of. */
const FAST = "greatest(0, fwd_packets + rev_packets - slow_packets)";
const rolledUp = (table: string) => `
  select bucket, host_id, proto, verdict, sum(updates)::text as updates,
    ${[...SUMMED, "slow_packets", "fast_packets"].map((c) => `sum(${c})::text as ${c}`).join(", ")},
    sum(drops)::text as drops, sum(retransmits)::text as retransmits,
    sum(coalesce((select sum(n) from unnest(rtt_sketch) n), 0))::text as samples
  from ${table} group by 1, 2, 3, 4 order by 1, 2, 3, 4`;
/** Updates that add nothing to a sum make no rollup row. */
const raw = (width: string) => `
  select date_bin('${width}', ts, 'epoch') as bucket, host_id, proto, verdict,
    count(*) filter (where counted or (verdict = 1 and drops > 0) or verdict = 2)::text as updates,
    ${[...SUMMED, "slow_packets"].map((c) => `coalesce(sum(${c}) filter (where counted), 0)::text as ${c}`).join(", ")},
    coalesce(sum(${FAST}) filter (where counted), 0)::text as fast_packets,
    sum(drops)::text as drops, sum(retransmits)::text as retransmits,
    count(rtt_us) filter (where counted)::text as samples
  from flow_updates where counted or drops > 0 or retransmits > 0 or verdict = 2
  group by 1, 2, 3, 4 order by 1, 2, 3, 4`;
