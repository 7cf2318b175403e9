import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { brotliCompressSync } from "node:zlib";
import { PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import { BATCH_MAX_BYTES } from "@millrace/contract/batch";
import { pack } from "msgpackr";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import {
  aDrop,
  aFlow,
  anEndpoint,
  aWorkload,
  batchBytes,
  flowId,
  ip,
  message,
  newIncarnation,
  noClasses,
} from "../testing/agent-batch.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";

const database = testDatabase();
let instance: IngestInstance;
let credential: string;
const now = () => Date.now() * 1000;
const fresh = newIncarnation;

beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
  credential = await instance.enrol("h1");
});
afterAll(() => instance?.stop());

const count = async (table: string, incarnation: string): Promise<number> => {
  const [row] = await rows<{ n: number }>(
    `select count(*)::int as n from ${table} where batch_id in (select id from batches where incarnation = $1)`,
    [incarnation],
  );
  return row?.n ?? -1;
};

test("every value of a batch is in its row, as the agent sent it", async () => {
  const at = now();
  const incarnation = fresh();
  const big = 2 ** 52 + 1;
  const answer = await instance.push(
    batchBytes(at, {
      incarnation,
      workloads: [aWorkload()],
      reasons: ["NO_SOCKET"],
      places: ["tcp_v4_rcv+0x12"],
      endpoints: [anEndpoint({ workload: 1 })],
      flows: [
        aFlow(at, {
          ...{
            flowId: flowId(77),
            src: ip("10.0.0.1"),
            dst: ip("2001:db8::5"),
            srcPort: 65_535,
            dstPort: 443,
          },
          ...{ fwdBytes: big, verdict: 1, dropReason: 1, drops: 4_000_000_000, isn: 4_294_967_295 },
          ...{ rttUs: 1234, rttMinUs: 1000, srcWorkload: 1, vlan: 4095, opens: 3, final: 1, retransmits: 9 },
          ...{ carried: 1, way: 3, slowPackets: 4_294_967_295, rule: 4_294_967_295, revision: 7 },
        }),
      ],
      drops: [aDrop(at, { packets: 7 })],
    }),
    credential,
  );
  expect(answer).toMatchObject({ status: 200, result: { acknowledged: 1, duplicate: false, pauseMs: 0 } });
  const [flow] = await rows<Record<string, unknown>>(
    `select f.*, host(f.src) as src_text, host(f.dst) as dst_text, f.ts = b.to_at as at_batch, r.name as reason,
       w.service, (extract(epoch from f.ts) * 1e6)::text as ts_us
     from flow_updates f join batches b on b.id = f.batch_id join drop_reasons r on r.id = f.reason_id
     join workloads w on w.id = f.src_workload where b.incarnation = $1`,
    [incarnation],
  );
  expect(flow).toMatchObject({
    ...{ flow_id: "00000000-0000-7000-8000-00000000004d", src_text: "10.0.0.1", dst_text: "2001:db8::5" },
    ...{ src_port: 65_535, dst_port: 443, fwd_bytes: String(big), verdict: 1, reason: "NO_SOCKET" },
    ...{ drops: "4000000000", isn: "4294967295", rtt_us: 1234, rtt_min_us: 1000, vlan: 4095, opens: 3 },
    ...{ final: true, opener_known: true, counted: true, retransmits: "9", service: "web", at_batch: true },
    ...{ dst_workload: null, proto: 6, fwd_packets: "2", rev_bytes: "100", fwd_flags: 2, rev_flags: 18 },
    ...{ way: 3, slow_packets: "4294967295", rule: "4294967295", revision: "7" },
  });
  expect(Number(flow?.ts_us)).toBe(at);
  const [drop] = await rows<Record<string, unknown>>(
    `select d.*, p.name as place from drop_updates d join drop_places p on p.id = d.place_id
     where batch_id in (select id from batches where incarnation = $1)`,
    [incarnation],
  );
  expect(drop).toMatchObject({ packets: "7", bytes: "60", place: "tcp_v4_rcv+0x12", class: 0, direction: 1 });
  expect(await count("endpoint_updates", incarnation)).toBe(1);
});

test("of a flow that Millrace doesn't carry there is no way, no tier and no rule", async () => {
  const at = now();
  const incarnation = fresh();
  const flows = [aFlow(at), aFlow(at, { flowId: flowId(2), carried: 1 })];
  await instance.push(batchBytes(at, { incarnation, flows }), credential);
  const stored = await rows(
    `select way, slow_packets, rule, revision from flow_updates
     where batch_id in (select id from batches where incarnation = $1) order by flow_id`,
    [incarnation],
  );
  const none = { way: null, rule: null, revision: null };
  expect(stored).toEqual([
    { ...none, slow_packets: null },
    { ...none, slow_packets: "0" },
  ]);
});

test("a batch that an older agent had spooled is taken: what it couldn't tell is not known", async () => {
  const at = now();
  const incarnation = fresh();
  const whole = message(at, {
    incarnation,
    flows: [aFlow(at, { carried: 1, way: 1, rule: 300, slowPackets: 2 })],
  });
  const {
    carried: _,
    way: __,
    slowPackets: ___,
    rule: ____,
    ...flows
  } = whole.flows as Record<string, unknown>;
  const older = (classes: object) =>
    Object.fromEntries(
      Object.entries(classes).filter(([name]) => name !== "spoofed" && name !== "overBudget"),
    );
  const endpoints = [{ ...anEndpoint(), egress: older(noClasses()), ingress: older(noClasses()) }];
  const answer = await instance.push(Uint8Array.from(pack({ ...whole, flows, endpoints })), credential);
  expect(answer).toMatchObject({ status: 200, result: { acknowledged: 1 } });
  const [flow] = await rows(
    `select fwd_packets, way, slow_packets, rule from flow_updates
     where batch_id in (select id from batches where incarnation = $1)`,
    [incarnation],
  );
  expect(flow).toEqual({ fwd_packets: "2", way: null, slow_packets: null, rule: null });
});

describe("exactly once", () => {
  test("a batch sent twice is stored once and acknowledged twice", async () => {
    const incarnation = fresh();
    const at = now();
    const bytes = batchBytes(at, { incarnation, flows: [aFlow(at)] });
    expect((await instance.push(bytes, credential)).result).toMatchObject({
      acknowledged: 1,
      duplicate: false,
    });
    expect((await instance.push(bytes, credential)).result).toMatchObject({
      acknowledged: 1,
      duplicate: true,
    });
    expect(await count("flow_updates", incarnation)).toBe(1);
  });

  test("batches sent many times at once are stored once each", async () => {
    const at = now();
    const incarnation = fresh();
    const all = Array.from({ length: 6 }, (_, i) =>
      batchBytes(at, { incarnation, sequence: i + 1, flows: [aFlow(at, { flowId: flowId(i) })] }),
    );
    const pending = [...all, ...all, ...all];
    while (pending.length > 0) {
      const round = pending.splice(0, 5);
      const answers = await Promise.all(round.map((bytes) => instance.push(bytes, credential)));
      for (const [i, answer] of answers.entries()) {
        if (answer.status === 200) continue;
        expect(answer.error?.data).toMatchObject({ app: "BUSY", retryable: true });
        pending.push(round[i] as Uint8Array);
      }
    }
    expect(await count("flow_updates", incarnation)).toBe(6);
    const [row] = await rows("select acknowledged from incarnations where id = $1", [incarnation]);
    expect(row).toEqual({ acknowledged: "6" });
  });

  test("a gap holds the watermark back until it is filled or said to be lost", async () => {
    const incarnation = fresh();
    const push = async (sequence: number, lost: [number, number][] = []) => {
      const losses = lost.map(([first, last]) => ({
        ...{ what: "batches" as const, count: last - first + 1, firstSequence: first, lastSequence: last },
      }));
      const answer = await instance.push(
        batchBytes(now(), { incarnation, sequence, lost: losses }),
        credential,
      );
      return (answer.result as { acknowledged: number }).acknowledged;
    };
    expect(await push(1)).toBe(1);
    expect(await push(3)).toBe(1);
    expect(await push(4)).toBe(1);
    expect(await push(2)).toBe(4);
    expect(await push(8)).toBe(4);
    expect(await push(9, [[6, 7]])).toBe(4);
    expect(await push(5)).toBe(9);
    expect(await push(12, [[10, 11]])).toBe(12);
    // What another life of the agent lost doesn't move this one past what it is still to send.
    expect(await push(13, [[14, 20]])).toBe(13);
    // Said to be lost, came after all: it was counted as lost and is not stored as well.
    expect(await push(10)).toBe(13);
    expect(await rows("select from batches where incarnation = $1 and sequence = 10", [incarnation])).toEqual(
      [],
    );
  });
});

describe("who may push", () => {
  test("nobody without a credential, with a wrong one, or with another's secret", async () => {
    const bytes = batchBytes(now());
    const other = await instance.enrol("h2");
    const forged = other.replace(/^mrh_\d+_/, `${credential.split("_").slice(0, 2).join("_")}_`);
    for (const wrong of ["", "nonsense", `${credential}x`, forged, `mrh_999999_${"A".repeat(43)}`]) {
      const answer = await instance.push(bytes, wrong);
      expect([answer.status, answer.error?.data.app]).toEqual([401, "UNAUTHENTICATED"]);
    }
  });

  test("a revoked host's next batch is refused, and nothing of it stored", async () => {
    const doomed = await instance.enrol("doomed");
    const incarnation = fresh();
    expect((await instance.push(batchBytes(now(), { incarnation }), doomed)).status).toBe(200);
    await rows("update hosts set revoked_at = now() where name = 'doomed'");
    const answer = await instance.push(batchBytes(now(), { incarnation, sequence: 2 }), doomed);
    expect([answer.status, answer.error?.data]).toMatchObject([
      401,
      { app: "UNAUTHENTICATED", retryable: false },
    ]);
    expect(await rows("select from batches where incarnation = $1", [incarnation])).toHaveLength(1);
  });

  test("an enrolment token works once, for its host, and not for one that is there unless it names it", async () => {
    const enrol = (token: string, host: string, protocol: number = PROTOCOL_VERSION) =>
      instance.call("agent.enrol", { protocol, token, host });
    const { hashSecret } = await import("../secret.ts");
    const make = (token: string, host: string | null) =>
      rows(
        `insert into enrol_tokens (id, hash, host_name, created_by, expires_at)
         values (gen_random_uuid(), $1, $2, 'test', now() + interval '1 hour')`,
        [hashSecret(token), host],
      );
    await make("mre_anyhost_anyhost_anyhost", null);
    await make("mre_named_named_named_named", "named");
    expect((await enrol("mre_anyhost_anyhost_anyhost", "h1")).error?.data.app).toBe("CONFLICT");
    expect((await enrol("mre_anyhost_anyhost_anyhost", "h3")).status).toBe(200);
    expect((await enrol("mre_anyhost_anyhost_anyhost", "h4")).error?.data.app).toBe("UNAUTHENTICATED");
    expect((await enrol("mre_named_named_named_named", "h5")).error?.data.app).toBe("UNAUTHENTICATED");
    const wrongProtocol = await enrol("mre_named_named_named_named", "named", 99);
    expect(wrongProtocol.error).toMatchObject({
      message: "the agent speaks protocol 99, this server speaks 2",
      data: { app: "INCOMPATIBLE" },
    });
    expect((await enrol("mre_named_named_named_named", "named")).status).toBe(200);
  });
});

describe("hostile bodies", () => {
  const refused = async (bytes: Uint8Array, headers: Record<string, string> = {}) => {
    const answer = await instance.push(bytes, credential, headers);
    return [answer.status, answer.error?.data.app, answer.error?.data.retryable];
  };
  test("nothing, noise, and wrong content types are bad requests", async () => {
    expect(await refused(new Uint8Array())).toEqual([400, "BAD_REQUEST", false]);
    expect(await refused(Uint8Array.from(randomBytes(1000)))).toEqual([400, "BAD_REQUEST", false]);
    const json = await instance.call("telemetry.push", { hello: 1 }, credential);
    expect([json.status, json.error?.data.app]).toEqual([400, "BAD_REQUEST"]);
  });
  test("a body beyond the limit, and one that unpacks beyond it, are too large", async () => {
    expect(await refused(new Uint8Array(BATCH_MAX_BYTES + 1))).toEqual([413, "TOO_LARGE", false]);
    const bomb = brotliCompressSync(new Uint8Array(BATCH_MAX_BYTES * 20));
    expect(bomb.byteLength).toBeLessThan(100_000);
    expect(await refused(bomb, { "content-encoding": "br" })).toEqual([413, "TOO_LARGE", false]);
  });
  test("of a stranger no more is read than a token and a name are long", async () => {
    const json = { "content-type": "application/json" };
    const token = "mre_0123456789abcdef0123456789";
    const input = { protocol: PROTOCOL_VERSION, token, host: "h9", more: "x".repeat(100_000) };
    const long = await instance.call("agent.enrol", input);
    expect([long.status, long.error?.data.app]).toEqual([413, "TOO_LARGE"]);
    const unsaid = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1000)) });
    const init = { method: "POST", body: unsaid, headers: json, duplex: "half" } as RequestInit;
    const answer = await fetch(`${instance.url}/trpc/agent.enrol`, init).then(({ status }) => status, String);
    expect(answer).toSatisfy((got) => got === 413 || /fetch failed/.test(String(got)));
    expect(
      (await instance.call("agent.enrol", { protocol: PROTOCOL_VERSION, token, host: "h9" })).status,
    ).toBe(401);
  });
  test("broken bodies and other encodings are bad requests; good brotli is stored", async () => {
    const good = batchBytes(now(), { incarnation: fresh() });
    expect(await refused(good, { "content-encoding": "gzip" })).toEqual([400, "BAD_REQUEST", false]);
    expect(await refused(good, { "content-encoding": "br" })).toEqual([400, "BAD_REQUEST", false]);
    const answer = await instance.push(brotliCompressSync(good), credential, { "content-encoding": "br" });
    expect(answer.status).toBe(200);
  });
  test("a message names the column and row that is wrong", async () => {
    const at = now();
    const bytes = batchBytes(at, { flows: [aFlow(at), aFlow(at, { srcWorkload: 3 })] });
    const answer = await instance.push(bytes, credential);
    expect(answer.error?.message).toBe("flows.srcWorkload[1] is 3, the most is 0");
  });
});

test("values that are each in range but whose sums are not are refused for good, and leave nothing", async () => {
  const at = now();
  const incarnation = fresh();
  const most = Number.MAX_SAFE_INTEGER;
  const flows = Array.from({ length: 2000 }, (_, i) =>
    aFlow(at, { flowId: flowId(i), fwdBytes: most, proto: 17 }),
  );
  const answer = await instance.push(batchBytes(at, { incarnation, flows }), credential);
  expect([answer.status, answer.error?.data]).toMatchObject([400, { app: "BAD_REQUEST", retryable: false }]);
  expect(await rows("select from batches where incarnation = $1", [incarnation])).toEqual([]);
});

test("the same names are interned once, whoever sends them", async () => {
  const other = await instance.enrol("h6");
  for (const by of [credential, other]) {
    const at = now();
    await instance.push(
      batchBytes(at, { incarnation: fresh(), reasons: ["X_REASON"], places: ["x+0x1"], drops: [aDrop(at)] }),
      by,
    );
  }
  expect(await rows("select from drop_reasons where name = 'X_REASON'")).toHaveLength(1);
  expect(await rows("select from drop_places where name = 'x+0x1'")).toHaveLength(1);
});

test("who hangs up while its credential is looked up keeps no place of its host's", async () => {
  const own = await instance.enrol("h-gone");
  const { credentials } = instance.ingest;
  const check = credentials.check.bind(credentials);
  let found = () => {};
  const lookup = new Promise<void>((resolve) => {
    found = resolve;
  });
  const looking = vi.spyOn(credentials, "check").mockImplementationOnce(async (given) => {
    await lookup;
    return check(given);
  });
  const caller = connect(Number(new URL(instance.url).port), "127.0.0.1");
  const body = batchBytes(now(), { incarnation: fresh() });
  const type = ["content-type: application/octet-stream", `content-length: ${body.byteLength}`];
  const head = ["POST /trpc/telemetry.push HTTP/1.1", "host: x", `authorization: Bearer ${own}`, ...type];
  caller.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
  await vi.waitFor(() => expect(looking).toHaveBeenCalled());
  const open = await instance.connections();
  caller.resetAndDestroy();
  await vi.waitFor(async () => expect(await instance.connections()).toBeLessThan(open));
  found();
  await vi.waitFor(async () =>
    expect((await instance.push(batchBytes(now(), { incarnation: fresh() }), own)).status).toBe(200),
  );
});
