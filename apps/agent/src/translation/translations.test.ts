import { FlowOpener } from "@millrace/abi/generated/flow";
import { formatFlowId } from "@millrace/contract/flow-id";
import { describe, expect, test } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { emptyRecord } from "../dataplane/fake-kernel.ts";
import { addressBytes, addressText } from "../endpoint/address.ts";
import { type Entry, recordsOf } from "../testing/conntrack-record.ts";
import { FakeHost, Life } from "../testing/fake-host.ts";
import { decodeBatch, type StoredBatch } from "../testing/ledger.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

const WEB = "10.0.0.1";
const NEAR = "10.0.0.2";
const VIP = "10.96.0.10";
const FAR = "10.0.1.7";
const HOST = "192.0.2.1";

/** A host with two pods, whose NAT is what a test says. */
function scene(options: { conntrack?: boolean } = {}) {
  const host = new FakeHost();
  const web = host.addPod("web", WEB);
  const near = host.addPod("near", NEAR);
  const dataplane = new FakeDataplane(host.kernel);
  const stateDir = temporaryDirectory("translations");
  let agent = new Life(host, stateDir, { dataplane, ...options });
  agent.second();
  const next = (): StoredBatch => {
    const { spool } = agent.telemetry;
    for (let b = spool.oldest; b; b = spool.oldest) spool.acknowledge(b);
    agent.second();
    const batch = spool.oldest;
    if (!batch) throw new Error("no batch was made");
    return decodeBatch(spool.payload(batch), batch.compressed);
  };
  const send = (
    pod: typeof web,
    tuple: { local: string; remote: string; sport: number; dport: number },
    opener: number = FlowOpener.LOCAL,
  ) => host.kernel.packet(host.key(pod, tuple), opener === FlowOpener.LOCAL ? 0 : 1, 100, { opener });
  const translate = (...entries: Entry[]) => {
    dataplane.translations.news = recordsOf(...entries);
  };
  const restart = () => {
    agent = new Life(host, stateDir, { dataplane, ...options });
  };
  return { host, web, near, dataplane, next, send, translate, restart, agent: () => agent };
}
function batchesOf({ telemetry: { spool } }: Life): StoredBatch[] {
  const batches: StoredBatch[] = [];
  for (let b = spool.oldest; b; b = spool.oldest) {
    batches.push(decodeBatch(spool.payload(b), b.compressed));
    spool.acknowledge(b);
  }
  return batches;
}
const told = ({ head, translations: t }: StoredBatch) =>
  Array.from({ length: head.translationRows }, (_, i) => {
    const address = (column: Uint8Array) => addressText(column.subarray(i * 16, i * 16 + 16));
    return `${t.row[i]}: ${address(t.src)}:${t.srcPort[i]} ${address(t.dst)}:${t.dstPort[i]}`;
  });
const ids = ({ flows }: StoredBatch) =>
  Array.from({ length: flows.flowId.length / 16 }, (_, i) =>
    formatFlowId(flows.flowId.subarray(i * 16, i * 16 + 16)),
  );

const toService: Entry = {
  orig: { src: WEB, dst: VIP, sport: 40_000, dport: 80 },
  reply: { src: FAR, dst: WEB, sport: 8080, dport: 40_000 },
};
const masqueraded: Entry = {
  orig: { src: WEB, dst: FAR, sport: 40_000, dport: 80 },
  reply: { src: FAR, dst: HOST, sport: 80, dport: 61_234 },
};
const hostPort: Entry = {
  orig: { src: FAR, dst: HOST, sport: 50_000, dport: 8080 },
  reply: { src: WEB, dst: FAR, sport: 80, dport: 50_000 },
};

describe("the other side of a flow", () => {
  test("is what our own dataplane made of it, whatever the host's stack thinks", () => {
    const { host, web, translate, next } = scene();
    translate(masqueraded);
    const key = host.key(web, { local: WEB, remote: FAR, sport: 40_000, dport: 80 });
    const path = { ...emptyRecord().path, natAddress: addressBytes(HOST) as Uint8Array, natPort: 20_007 };
    host.kernel.packet(key, 0, 100, { opener: FlowOpener.LOCAL, path });
    expect(told(next())).toEqual([`0: ${HOST}:20007 ${FAR}:80`]);
    host.kernel.packet(key, 1, 100);
    expect(told(next())).toEqual([`0: ${HOST}:20007 ${FAR}:80`]);
  });

  test.each([
    ["of a service's backend", {}, `${WEB}:40000 ${FAR}:8080`],
    [
      "of one outside, under the host's address",
      { natAddress: addressBytes(HOST) as Uint8Array, natPort: 20_007 },
      `${HOST}:20007 ${FAR}:8080`,
    ],
    ["of a port that another flow has there", { wirePort: 50_001 }, `${WEB}:50001 ${FAR}:8080`],
  ])("is what our own dataplane made %s", (_what, more, other) => {
    const { host, web, agent, next } = scene();
    const key = host.key(web, { local: WEB, remote: VIP, sport: 40_000, dport: 80 });
    const service = { natDst: addressBytes(FAR) as Uint8Array, natDstPort: 8080, backend: 3 };
    const path = { ...emptyRecord().path, ...service, ...more };
    host.kernel.packet(key, 0, 100, { opener: FlowOpener.LOCAL, path });
    expect(told(next())).toEqual([`0: ${other}`]);
    const uses = agent().telemetry.usedRemotes(); // so the way to the backend stays known
    expect([VIP, FAR, HOST, "192.0.2.99"].map(uses)).toEqual([true, true, "natPort" in more, false]);
  });

  test("is the backend behind a service's address", () => {
    const { web, send, translate, next } = scene();
    send(web, { local: WEB, remote: VIP, sport: 40_000, dport: 80 });
    translate(toService);
    expect(told(next())).toEqual([`0: ${WEB}:40000 ${FAR}:8080`]);
  });

  test("is the host's address and port where the host masquerades", () => {
    const { web, send, translate, next } = scene();
    send(web, { local: WEB, remote: FAR, sport: 40_000, dport: 80 });
    translate(masqueraded);
    expect(told(next())).toEqual([`0: ${HOST}:61234 ${FAR}:80`]);
  });

  test("is what the opener called, at the pod that answers for a port of its host, source first", () => {
    const { web, send, translate, next } = scene();
    send(web, { local: WEB, remote: FAR, sport: 80, dport: 50_000 }, FlowOpener.REMOTE);
    translate(hostPort);
    expect(told(next())).toEqual([`0: ${FAR}:50000 ${HOST}:8080`]);
  });

  test("is told once between two pods of one host, by the opener's observer", () => {
    const { web, near, send, translate, next } = scene();
    send(web, { local: WEB, remote: VIP, sport: 40_000, dport: 80 });
    send(near, { local: NEAR, remote: WEB, sport: 8080, dport: 40_000 }, FlowOpener.REMOTE);
    translate({ ...toService, reply: { ...toService.reply, src: NEAR } });
    expect(told(next())).toEqual([`0: ${WEB}:40000 ${NEAR}:8080`]);
  });

  test("is none for a flow that isn't translated", () => {
    const { web, send, translate, next } = scene();
    send(web, { local: WEB, remote: FAR, sport: 40_001, dport: 80 });
    translate(masqueraded);
    expect(told(next())).toEqual([]);
  });

  test("stays with the flow when connection tracking has forgotten it, and when the agent starts anew", () => {
    const { web, send, translate, next, restart, agent } = scene();
    const packet = () => send(web, { local: WEB, remote: VIP, sport: 40_000, dport: 80 });
    packet();
    translate(toService);
    const first = next();
    translate({ ...toService, op: 2 });
    for (let i = 0; i < 3; i++) agent().second();
    expect(agent().telemetry.translations.entries).toBe(0);
    packet();
    const later = next();
    restart();
    packet();
    const reborn = next();
    for (const batch of [later, reborn]) {
      expect(told(batch)).toEqual(told(first));
      expect(ids(batch)).toEqual(ids(first));
    }
  });

  test("learnt late makes it another flow, so that one flow has one other side", () => {
    const { web, send, translate, next } = scene();
    const packet = () => send(web, { local: WEB, remote: VIP, sport: 40_000, dport: 80 });
    packet();
    const before = next();
    packet();
    translate(toService);
    const after = next();
    expect(told(before)).toEqual([]);
    expect(told(after)).toHaveLength(1);
    expect(ids(after)).not.toEqual(ids(before));
    expect([before.flows.fwdPackets[0], after.flows.fwdPackets[0]]).toEqual([1, 1]);
  });
});

describe("connection tracking that can't be read", () => {
  test("is a capability with the kernel's reason, and no flow has another side", () => {
    const host = new FakeHost();
    const web = host.addPod("web", WEB);
    const dataplane = new FakeDataplane(host.kernel);
    dataplane.watchTranslations = () => {
      throw new Error("conntrack_watch netlink socket: EPROTONOSUPPORT");
    };
    const life = new Life(host, temporaryDirectory("translations"), { dataplane });
    life.second();
    host.kernel.packet(host.key(web, { local: WEB, remote: VIP, sport: 40_000, dport: 80 }), 0, 100);
    life.second();
    expect(batchesOf(life).flatMap(told)).toEqual([]);
    expect(life.telemetry.translations.capability()).toEqual({
      ...{ name: "conntrack", supported: false },
      reason: "conntrack_watch netlink socket: EPROTONOSUPPORT",
    });
  });

  test("because it was switched off says so", () => {
    const { agent } = scene({ conntrack: false });
    const { supported, reason } = agent().telemetry.translations.capability();
    expect([supported, reason]).toEqual([false, "switched off by --no-conntrack"]);
  });
});

test("what was missed is made good by a dump, and entries without room are a loss", () => {
  const host = new FakeHost();
  const web = host.addPod("web", WEB);
  const dataplane = new FakeDataplane(host.kernel);
  dataplane.watchTranslations = () => ({
    read: () => ({ bytes: new Uint8Array(), overran: true }),
    dump: () => ({ bytes: recordsOf(toService), left: 3 }),
    close: () => {},
  });
  const life = new Life(host, temporaryDirectory("translations"), { dataplane });
  life.second();
  host.kernel.packet(host.key(web, { local: WEB, remote: VIP, sport: 40_000, dport: 80 }), 0, 100);
  life.second();
  const batches = batchesOf(life);
  expect(batches.flatMap(told)).toEqual([`0: ${WEB}:40000 ${FAR}:8080`]);
  expect(batches.flatMap(({ head }) => head.lost)).toMatchObject([{ what: "conntrack-entries", count: 3 }]);
  expect(life.telemetry.translations.counts).toEqual({ overruns: 2, dumps: 1, failures: 0 });
});
