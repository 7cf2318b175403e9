import { expect, test } from "vitest";
import { addEvents, EVENTS_HELD, missingSequences, NO_EVENTS } from "./event-buffer.ts";
import { dropEvent } from "./trace-event.fixture.ts";

test("what history and stream both bring is there once, the newest first", () => {
  const history = addEvents(NO_EVENTS, [dropEvent(1), dropEvent(2)]);
  const both = addEvents(history, [dropEvent(2), dropEvent(3)]);
  expect(both.rows.map((row) => row.event.sequence)).toEqual([3, 2, 1]);
  expect(addEvents(both, [dropEvent(1)])).toBe(both);
});
test("when it is full the oldest make room and are counted", () => {
  const many = Array.from({ length: EVENTS_HELD + 3 }, (_, n) => dropEvent(n + 1));
  const buffer = addEvents(NO_EVENTS, many);
  expect(buffer.rows).toHaveLength(EVENTS_HELD);
  expect(buffer.byId.size).toBe(EVENTS_HELD);
  expect(buffer.notHeld).toBe(3);
  expect(buffer.rows.at(-1)?.event.sequence).toBe(4);
});
test("a gap in a host's numbers is a loss, another host's numbers are its own", () => {
  expect(missingSequences([dropEvent(1), dropEvent(2), dropEvent(1, { host: "h2" })])).toBe(0);
  expect(missingSequences([dropEvent(5), dropEvent(1), dropEvent(9, { host: "h2" })])).toBe(3);
});
