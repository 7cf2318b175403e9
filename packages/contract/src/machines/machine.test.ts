import { describe, expect, test } from "vitest";
import { BLOCK } from "./block.ts";
import { type Machine, next, type StateRow } from "./machine.ts";
import { TRACE_HOST } from "./trace-host.ts";
import { TRACE_SESSION } from "./trace-session.ts";

const machines: Record<string, Machine<string, string>> = {
  "trace session": TRACE_SESSION,
  "trace host": TRACE_HOST,
  block: BLOCK,
};

describe.each(Object.entries(machines))("%s", (_, machine) => {
  const rows = Object.entries<StateRow<string, string>>(machine.states);

  test("every state is reachable", () => {
    const seen = new Set([machine.initial]);
    for (const from of seen)
      for (const to of Object.values(machine.states[from]?.on ?? {})) if (to) seen.add(to);
    expect([...seen].sort()).toEqual(rows.map(([state]) => state).sort());
  });

  test("no state is left by silence alone: its deadline fires an event it allows, or it says whom it waits for", () => {
    for (const [state, row] of rows) {
      if (row.terminal) expect(Object.keys(row.on)).toEqual([]);
      else if (row.waitsFor)
        expect([row.deadline, Object.keys(row.on).length > 0]).toEqual([undefined, true]);
      else expect(next(machine, state, row.deadline?.event ?? "none"), state).toBeDefined();
    }
  });
});
