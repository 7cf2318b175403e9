import { brotliDecompressSync } from "node:zlib";
import { BATCH_MAX_BYTES } from "@millrace/contract/batch";
import { describe, expect, test } from "vitest";
import { FakeHost, fakeContainer, Life } from "../testing/fake-host.ts";
import { Ledger } from "../testing/ledger.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

const PODS = 240;
/** As many and as long as they may be, of letters that take three bytes, another for each pod. */
const labelsOf = (pod: number) =>
  Object.fromEntries(
    Array.from({ length: 64 }, (_, i) => [`${pod}-${i}-`.padEnd(63, "あ"), `${pod}`.padEnd(253, "い")]),
  );

function hostOfHeavyPods(): FakeHost {
  const host = new FakeHost();
  for (let i = 0; i < PODS; i++)
    host.addPod(`pod-${i}`, `10.0.0.${i + 1}`, [fakeContainer(`pod-${i}`, { labels: labelsOf(i) })]);
  return host;
}
/** Sends what waits; answers how large each batch is when it is unpacked. */
function sendAll(agent: Life, ledger: Ledger): number[] {
  const { spool } = agent.telemetry;
  const sizes: number[] = [];
  for (let batch = spool.oldest; batch; batch = spool.oldest) {
    const payload = spool.payload(batch);
    sizes.push(batch.compressed ? brotliDecompressSync(payload).length : payload.length);
    ledger.store(payload, batch.compressed);
    spool.acknowledge(batch);
  }
  return sizes;
}

describe("a batch", () => {
  test("never outgrows what a server takes, however many labels the pods have, and all still arrives", () => {
    const host = hostOfHeavyPods();
    const agent = new Life(host, temporaryDirectory("heavy"));
    const ledger = new Ledger();
    agent.second();
    const sizes = sendAll(agent, ledger);
    for (const [i, pod] of host.pods.entries()) {
      const tuple = { local: `10.0.0.${i + 1}`, remote: "10.1.0.1", sport: 5000, dport: 80 };
      host.kernel.packet(host.key(pod, tuple), 0, 100);
    }
    agent.second();
    sizes.push(...sendAll(agent, ledger));
    expect(sizes.length).toBeGreaterThan(20);
    expect(Math.max(...sizes)).toBeLessThan(BATCH_MAX_BYTES);
    expect(ledger.flowPackets()).toBe(PODS);
    const workloads = [...ledger.batches.values()].flatMap(({ head }) =>
      head.workloads.map(({ pod }) => pod),
    );
    expect(new Set(workloads).size).toBe(PODS);
  });
});
