import type { FlowRow } from "@millrace/contract/flow";
import { describe, expect, test } from "vitest";
import { end, flowRow } from "./flow-row.fixture.ts";
import {
  draw,
  type LiveRows,
  merge,
  NO_LIVE_ROWS,
  ON_TOP_MAX,
  ordered,
  ROOM_MAX,
  roomAfter,
  rowIdOf,
  SETTLE_MS,
  settle,
  WAITING_MAX,
  wait,
} from "./live-rows.ts";

const row = (id: string, over = {}) => flowRow({ id, ...over });
const tick = (...rows: ReturnType<typeof row>[]) => {
  const waiting = new Map();
  wait(waiting, rows);
  return waiting;
};
const none = () => false;
const ROOM = 40;
const drawn = (live: LiveRows, waiting: Map<string, FlowRow>, inHistory: (id: string) => boolean) =>
  draw(live, { waiting, inHistory, room: ROOM });

describe("what the stream brings", () => {
  test("a flow that is on the page is updated in its place", () => {
    const history = [row("a"), row("b")];
    const live = drawn(NO_LIVE_ROWS, tick(row("b", { retransmits: 7 })), (id) => id === "a" || id === "b");
    const rows = merge(live, history, 0);
    expect(rows.map((r) => r.id)).toEqual(["a", "b"]);
    expect(rows[1]?.retransmits).toBe(7);
  });
  test("new flows come on top, the latest first", () => {
    const live = drawn(drawn(NO_LIVE_ROWS, tick(row("c")), none), tick(row("d"), row("e")), none);
    expect(merge(live, [row("a")], 0).map((r) => r.id)).toEqual(["e", "d", "c", "a"]);
  });
  test("more than the cap of new flows in one draw are counted, not drawn, and may be drawn later", () => {
    const many = Array.from({ length: ROOM + 5 }, (_, n) => row(`f${n}`));
    const live = drawn(NO_LIVE_ROWS, tick(...many), none);
    expect(live.onTop).toHaveLength(ROOM);
    expect(live.notDrawn).toBe(5);
    expect(drawn(live, tick(row("f0")), none).onTop[0]).toBe("f0");
  });
  test("updates of drawn flows are never subject to the cap", () => {
    const ids = Array.from({ length: ROOM * 3 }, (_, n) => `f${n}`);
    const live = drawn(NO_LIVE_ROWS, tick(...ids.map((id) => row(id, { drops: 3 }))), (id) =>
      ids.includes(id),
    );
    expect(live.notDrawn).toBe(0);
    expect(
      merge(
        live,
        ids.map((id) => row(id)),
        0,
      ).every((r) => r.drops === 3),
    ).toBe(true);
  });
  test("the other observer's report of the same flow replaces the row instead of doubling it", () => {
    const joined = row("b", { otherId: "a", join: "tuple" });
    const live = drawn(NO_LIVE_ROWS, tick(joined), (id) => id === "a");
    const rows = merge(live, [row("a")], 0);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.join).toBe("tuple");
    const twice = drawn(drawn(NO_LIVE_ROWS, tick(row("a")), none), tick(joined), none);
    expect(merge(twice, [], 0)).toEqual([joined]);
  });
});

test("a chosen flow stays chosen when its row comes to go by the other observer's id, and when it has gone", () => {
  const alone = [row("x"), row("a")];
  const joined = [row("x"), row("b", { otherId: "a", join: "tuple" })];
  expect(rowIdOf(alone, "a")).toBe("a");
  expect(rowIdOf(joined, "a")).toBe("b");
  expect(rowIdOf(alone, "gone")).toBe("gone");
  expect(rowIdOf([row("y", { otherId: null })], null)).toBeNull();
});

test("while paused the latest changes wait, within a limit, and the rest is counted", () => {
  const waiting = new Map();
  const rows = Array.from({ length: WAITING_MAX + 10 }, (_, n) => row(`f${n}`));
  expect(wait(waiting, rows)).toBe(10);
  expect(waiting.size).toBe(WAITING_MAX);
  expect(waiting.has("f0")).toBe(false);
});
test("what is kept on top is bounded", () => {
  let live = NO_LIVE_ROWS;
  for (let n = 0; n * ROOM <= ON_TOP_MAX; n++)
    live = drawn(live, tick(...Array.from({ length: ROOM }, (_, m) => row(`${n}.${m}`))), none);
  expect(live.onTop).toHaveLength(ON_TOP_MAX);
  expect(live.latest.size).toBe(ON_TOP_MAX);
});
test("a page of history loaded later doesn't repeat what the stream already drew", () => {
  const live = drawn(NO_LIVE_ROWS, tick(row("x")), none);
  expect(merge(live, [row("a"), row("x")], 0).map((r) => r.id)).toEqual(["x", "a"]);
});
test("rows that have left the time shown go", () => {
  expect(merge(NO_LIVE_ROWS, [row("a", { lastSeen: 10 }), row("b", { lastSeen: 20 })], 15)).toHaveLength(1);
});
test("another order sorts history and stream together", () => {
  const rows = [row("a", { drops: 1 }), row("b", { drops: 9 }), row("c", { drops: 4 })];
  expect(ordered(rows, { key: "drops", descending: true }).map((r) => r.id)).toEqual(["b", "c", "a"]);
  expect(ordered(rows, { key: "lastSeen", descending: true })).toBe(rows);
});
test("oldest first is sorted for good, history and stream together", () => {
  const rows = [row("new", { lastSeen: 9 }), row("old", { lastSeen: 1 }), row("newer", { lastSeen: 5 })];
  const sort = { key: "lastSeen", descending: false } as const;
  expect(ordered(rows, sort).map((r) => r.id)).toEqual(["old", "newer", "new"]);
});

test("a page that slept may draw more at once, but not without end", () => {
  expect(roomAfter(0, 250)).toBe(40);
  expect(roomAfter(100, 1000)).toBe(260);
  expect(roomAfter(0, 3_600_000)).toBe(ROOM_MAX);
});

describe("a new flow that only its destination reported, from an address that a NAT may stand behind", () => {
  const alone = (id: string, over = {}) =>
    row(id, {
      observers: [{ host: "h2", side: "destination" }],
      src: end({ kind: "host", pod: null, service: null }),
      ...over,
    });
  const ids = (rows: Map<string, FlowRow>) => [...rows.keys()];

  test("waits for a second, no longer, and holds up no other", () => {
    const waiting = tick(alone("a"), row("b"), alone("c", { src: end({ kind: "external" }) }));
    const first = settle(waiting, new Map(), none, 0);
    expect([ids(first.ready), ids(first.held)]).toEqual([["b", "c"], ["a"]]);
    const then = settle(first.held, first.since, none, SETTLE_MS - 1);
    expect([ids(then.ready), ids(then.held)]).toEqual([[], ["a"]]);
    const last = settle(then.held, then.since, none, SETTLE_MS);
    expect([ids(last.ready), ids(last.held), last.since.size]).toEqual([["a"], [], 0]);
  });
  test("is drawn as one row when its source's word comes meanwhile", () => {
    const { held, since } = settle(tick(alone("a")), new Map(), none, 0);
    wait(held, [row("s", { otherId: "a", join: "conntrack" })]);
    expect(ids(settle(held, since, none, 250).ready)).toEqual(["s"]);
  });
  test("is never held up once it has a place", () => {
    expect(ids(settle(tick(alone("a")), new Map(), (id) => id === "a", 0).ready)).toEqual(["a"]);
  });
});
