import "../testing/environment.ts";
import type { TraceReport } from "@millrace/contract/agent-protocol";
import { type TraceEvent, type TraceSessionView, TraceSpec } from "@millrace/contract/trace";
import { TRACE_LIMITS } from "@millrace/contract/trace-kind";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeBus } from "../bus.ts";
import type { Clock } from "../clock.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { aHello, onlineHost, silence } from "../testing/hosts.ts";
import { listEvents } from "./events.ts";
import { previewTrace } from "./preview.ts";
import {
  applyHostReport,
  desiredFor,
  getSession,
  listSessions,
  startSession,
  stopAllSessions,
  stopSession,
  storeEvents,
} from "./service.ts";
import { sweep } from "./sweep.ts";
import { watchSession } from "./watch.ts";

const database = testDatabase();
const ANN = { email: "ann@example.org", via: "session" };
let h1 = 0;
let h2 = 0;

beforeAll(async () => {
  await useDatabase(database.url);
  h1 = await onlineHost("h1");
  h2 = await onlineHost("h2");
});
beforeEach(async () => {
  await pool().query("delete from trace_sessions");
  await silence(h1, 0);
  await silence(h2, 0);
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const spec = (over: Partial<TraceSpec> = {}): TraceSpec =>
  TraceSpec.parse({
    kind: "drops",
    hosts: ["h1", "h2"],
    filter: {},
    leaseSeconds: 60,
    rateEps: 100,
    ...over,
  });
const stats = (seen = 0) => ({ seen, emitted: seen, overRate: 0, ringFull: 0, undelivered: 0 });
const start = (over: Partial<TraceSpec> = {}) => startSession(spec(over), ANN);
type Event = TraceReport["event"];
const report = (host: number, session: TraceSessionView, event: Event, over: Partial<TraceReport> = {}) =>
  applyHostReport(host, {
    ...{ id: session.id, generation: session.generation, event, end: null, detail: null, stats: stats() },
    ...over,
  });
const attach = async (host: number, session: TraceSessionView) => {
  await report(host, session, "attach");
  await report(host, session, "attached");
};
const later = (seconds: number): Clock => ({ now: () => Date.now() + seconds * 1000 });
/** The session's state, and each host's, with their ends. */
const shape = async ({ id }: TraceSessionView): Promise<string> => {
  const { state, end, hosts } = await getSession(id as TraceSessionView["id"]);
  const part = (s: string, e: string | null) => (e ? `${s}(${e})` : s);
  return [part(state, end), ...hosts.map((h) => part(h.state, h.end))].join(" ");
};
const transitions = async ({ id }: TraceSessionView): Promise<string[]> => {
  const { rows } = await pool().query(
    "select coalesce(h.name || ' ', '') || event || ' ' || from_state || '>' || to_state || ' ' || author as t from trace_transitions t left join hosts h on h.id = t.host_id where session_id = $1 order by t.id",
    [id],
  );
  return rows.map((row) => row.t);
};

describe("a trace's life", () => {
  test("is requested, arms with the first answer, runs when all are attached", async () => {
    const session = await start();
    expect(await shape(session)).toBe("requested pending pending");
    await report(h1, session, "attach");
    expect(await shape(session)).toBe("arming attaching pending");
    await report(h1, session, "attached");
    expect(await shape(session)).toBe("arming attached pending");
    await attach(h2, session);
    expect(await shape(session)).toBe("running attached attached");
  });

  test("stopped by its user drains until every host has detached; each step is written down", async () => {
    const session = await start();
    await attach(h1, session);
    await attach(h2, session);
    await stopSession(session.id, ANN);
    expect(await shape(session)).toBe("draining(user) detaching(user) detaching(user)");
    expect(await desiredFor(h1)).toEqual([]);
    await report(h1, session, "stop");
    await report(h1, session, "detached");
    await report(h2, session, "detached");
    expect(await shape(session)).toBe("done(user) ended(user) ended(user)");
    expect(await transitions(session)).toEqual([
      ...["h1 attach pending>attaching agent of h1", "arm requested>arming agent of h1"],
      ...["h1 attached attaching>attached agent of h1", "h2 attach pending>attaching agent of h2"],
      ...["h2 attached attaching>attached agent of h2", "armed arming>running agent of h2"],
      ...["stop running>draining ann@example.org", "h1 stop attached>detaching ann@example.org"],
      ...["h2 stop attached>detaching ann@example.org", "h1 detached detaching>ended agent of h1"],
      ...["h2 detached detaching>ended agent of h2", "drained draining>done agent of h2"],
    ]);
  });

  test("stopped before anybody answered is over at once", async () => {
    const session = await start();
    await stopSession(session.id, ANN);
    expect(await shape(session)).toBe("done(user) ended(user) ended(user)");
  });

  test("can't be stopped twice: the answer says what it is", async () => {
    const session = await start();
    await stopSession(session.id, ANN);
    await expect(stopSession(session.id, ANN)).rejects.toMatchObject({
      code: "CONFLICT",
      message: /over already/,
    });
  });

  test("ends with its lease even when no agent says so", async () => {
    const session = await start({ hosts: ["h1"] });
    await attach(h1, session);
    await sweep(later(59));
    expect(await shape(session)).toBe("running attached");
    await sweep(later(61));
    expect(await shape(session)).toBe("draining(lease) detaching(lease)");
    await sweep(later(90));
    expect(await shape(session)).toBe("done(lease) ended(lease)");
  });

  test("ends by its rate when the agent says so", async () => {
    const session = await start({ hosts: ["h1"] });
    await attach(h1, session);
    await report(h1, session, "stop", { end: "rate", detail: "over 100 a second" });
    expect(await shape(session)).toBe("running detaching(rate)");
    await report(h1, session, "detached", { end: "rate" });
    expect(await shape(session)).toBe("done(rate) ended(rate)");
    expect((await getSession(session.id)).endDetail).toBe("over 100 a second");
  });

  test("goes on with the other hosts when one refuses or falls silent", async () => {
    const session = await start();
    await report(h1, session, "attach");
    await report(h1, session, "refuse", { end: "error", detail: "verifier: no" });
    await attach(h2, session);
    expect(await shape(session)).toBe("running ended(error) attached");
    await silence(h2, 100);
    await sweep();
    expect(await shape(session)).toBe("done(agent-lost) ended(error) ended(agent-lost)");
  });

  test("is over when every host refuses", async () => {
    const session = await start({ hosts: ["h1"] });
    await report(h1, session, "refuse", { detail: "too many" });
    expect(await shape(session)).toBe("done(refused) ended(refused)");
    expect((await getSession(session.id)).endDetail).toBe("too many");
  });

  test("is over when no agent takes it up", async () => {
    const session = await start({ hosts: ["h1"] });
    await sweep(later(11));
    expect(await shape(session)).toBe("done(agent-lost) ended(agent-lost)");
  });

  test("runs without the host whose agent never answered", async () => {
    const session = await start();
    await attach(h1, session);
    await sweep(later(16));
    expect(await shape(session)).toBe("running attached ended(agent-lost)");
  });

  test("loses a host whose agent restarted: it attaches what it had attached", async () => {
    const session = await start({ hosts: ["h1"] });
    await attach(h1, session);
    await report(h1, session, "attach");
    expect(await shape(session)).toBe("done(agent-lost) ended(agent-lost)");
    expect(await desiredFor(h1)).toEqual([]);
  });

  test("loses a host whose agent stopped", async () => {
    const session = await start({ hosts: ["h1"] });
    await attach(h1, session);
    await report(h1, session, "stop");
    await report(h1, session, "detached");
    expect(await shape(session)).toBe("done(agent-lost) ended(agent-lost)");
  });

  test("stop all ends every one of them", async () => {
    const one = await start({ hosts: ["h1"] });
    const two = await start();
    await attach(h1, one);
    expect(await stopAllSessions(ANN)).toEqual({ stopped: 2 });
    expect(await shape(one)).toBe("draining(stop-all) detaching(stop-all)");
    expect(await shape(two)).toBe("done(stop-all) ended(stop-all) ended(stop-all)");
  });
});

describe("what agents say", () => {
  test("of another generation changes nothing", async () => {
    const session = await start({ hosts: ["h1"] });
    await report(h1, session, "attached", { generation: session.generation + 1, stats: stats(9) });
    expect(await shape(session)).toBe("requested pending");
    expect((await getSession(session.id)).hosts[0]?.stats.seen).toBe(0);
  });

  test("of a session they have no part in, or that isn't there, changes nothing", async () => {
    const session = await start({ hosts: ["h1"] });
    await attach(h2, session);
    await report(h2, { ...session, id: crypto.randomUUID() as TraceSessionView["id"] }, "attach");
    expect(await shape(session)).toBe("requested pending");
  });

  test("twice is said once", async () => {
    const session = await start({ hosts: ["h1"] });
    await attach(h1, session);
    await report(h1, session, "attached");
    expect(await shape(session)).toBe("running attached");
    expect(await transitions(session)).toHaveLength(4);
  });

  test("at the same time leaves one consistent state", async () => {
    const session = await start();
    await Promise.all([
      attach(h1, session),
      attach(h2, session),
      stopSession(session.id, ANN).catch(() => {}),
    ]);
    await sweep(later(30));
    await sweep(later(60));
    expect(await shape(session)).toMatch(/^done\(user\) ended\S+ ended\S+$/);
  });
});

describe("events", () => {
  const event = (sequence: number): TraceEvent => ({
    ...{ kind: "drops", sequence, at: 1_795_000_000_000_000 + sequence, namespace: null, pod: "web-1" },
    ...{ container: null, process: null, reason: "NO_SOCKET", class: "loss", place: "tcp_v4_rcv", stack: [] },
    ...{
      packetBytes: 60,
      headers: "",
      tuple: { src: "10.0.0.1", dst: "10.0.0.2", srcPort: 1, dstPort: 2, proto: 6 },
    },
  });
  const push = (host: number, session: TraceSessionView, sequences: number[]) =>
    storeEvents(host, { id: session.id, events: sequences.map(event), stats: stats(sequences.length) });

  test("sent again are stored once", async () => {
    const session = await start();
    await push(h1, session, [1, 2, 3]);
    await push(h1, session, [2, 3, 4]);
    await push(h2, session, [1]);
    const { events, nextCursor } = await listEvents(session.id, null, 4);
    const rest = await listEvents(session.id, nextCursor, 4);
    expect([...events, ...rest.events].map((e) => `${e.host} ${e.event.sequence}`)).toEqual([
      ...["h1 1", "h1 2", "h1 3", "h1 4", "h2 1"],
    ]);
    expect((await getSession(session.id)).events).toBe(5);
  });

  test("beyond what is kept are counted as undelivered", async () => {
    const session = await start({ hosts: ["h1"] });
    await pool().query(
      "update trace_hosts set stats = jsonb_set(stats, '{kept}', $2) where session_id = $1",
      [session.id, JSON.stringify(TRACE_LIMITS.eventsKept - 2)],
    );
    await push(h1, session, [1, 2, 3, 4, 5]);
    const view = await getSession(session.id);
    expect([view.events, view.hosts[0]?.stats.undelivered]).toEqual([TRACE_LIMITS.eventsKept, 3]);
  });

  test("come to who watches, and go on where he left", async () => {
    const session = await start({ hosts: ["h1"] });
    await push(h1, session, [1, 2]);
    const seen: number[] = [];
    let last = "";
    for await (const { id, data } of watchSession(session.id, null)) {
      seen.push(...data.events.map((e) => e.event.sequence));
      last = id;
      if (seen.length === 2) await push(h1, session, [3]);
      if (seen.length === 3) break;
    }
    await push(h1, session, [4]);
    await stopSession(session.id, ANN);
    const states: string[] = [];
    for await (const { data } of watchSession(session.id, last)) {
      seen.push(...data.events.map((e) => e.event.sequence));
      states.push(data.session.state);
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(states.at(-1)).toBe("done");
  });

  test("more than a page takes in: the newest, and how many not", async () => {
    const session = await start({ hosts: ["h1"] });
    for (let from = 1; from < 1500; from += 500)
      await push(
        h1,
        session,
        Array.from({ length: 500 }, (_, i) => from + i),
      );
    for await (const { data } of watchSession(session.id, null)) {
      expect([data.events.length, data.notShown, data.events.at(-1)?.event.sequence]).toEqual([
        500, 1000, 1500,
      ]);
      break;
    }
  });
});

describe("starting", () => {
  test("says of every host why it can't take part, and starts nothing", async () => {
    const reason = "kernel has no BTF";
    await onlineHost("old", aHello({ capabilities: [{ name: "tracing", supported: false, reason }] }));
    await silence(h2, 100);
    const starting = startSession(spec({ hosts: ["h1", "h2", "old", "none"] }), ANN);
    await expect(starting).rejects.toMatchObject({
      code: "CONFLICT",
      message:
        /h2: its agent has been silent for 100 s; old: its kernel can't: kernel has no BTF; none: there is no such host/,
    });
    expect((await listSessions(null)).sessions).toEqual([]);
  });

  test("more than a host may run is refused", async () => {
    for (let i = 0; i < TRACE_LIMITS.sessionsPerHost; i++) await start({ hosts: ["h1"] });
    await expect(start({ hosts: ["h1"] })).rejects.toMatchObject({
      code: "CONFLICT",
      message: /8 traces already/,
    });
  });

  test("nor by starting them all at the same time", async () => {
    const many = Array.from({ length: TRACE_LIMITS.sessionsPerHost * 2 }, () => start({ hosts: ["h1"] }));
    const ended = await Promise.allSettled(many);
    const started = ended.filter(({ status }) => status === "fulfilled");
    expect(started.length).toBe(TRACE_LIMITS.sessionsPerHost);
    expect(await desiredFor(h1)).toHaveLength(TRACE_LIMITS.sessionsPerHost);
  });

  test("the preview says which hosts can and how many pods match", async () => {
    await silence(h2, 100);
    const preview = await previewTrace(spec({ filter: { pod: "web-1", container: "app" } }));
    expect(preview.hosts.map((h) => [h.host, h.online, h.able])).toEqual([
      ["h1", true, true],
      ["h2", false, false],
    ]);
    expect(preview.matchingPods).toBe(2);
  });

  test("the list has the newest first, a page at a time", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift((await start({ hosts: ["h1"] })).id);
    expect((await listSessions(null)).sessions.map((s) => s.id)).toEqual(ids);
  });
});
