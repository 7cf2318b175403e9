/**
 * A trace session as the control plane keeps it. Why it ended is a field of the session (see trace.ts),
 * not a state.
 */
import type { Machine } from "./machine.ts";

export type TraceSessionState = "requested" | "arming" | "running" | "draining" | "done";
export type TraceSessionEvent = "arm" | "armed" | "refuse" | "stop" | "drained";

export const TRACE_SESSION: Machine<TraceSessionState, TraceSessionEvent> = {
  initial: "requested",
  states: {
    requested: { on: { arm: "arming", stop: "done" }, deadline: { ms: 10_000, event: "stop" } },
    arming: {
      on: { armed: "running", refuse: "draining", stop: "draining" },
      deadline: { ms: 15_000, event: "stop" },
    },
    // The lease itself is a field; this bounds the longest one a session may ask for.
    running: { on: { stop: "draining" }, deadline: { ms: 3_600_000, event: "stop" } },
    draining: { on: { drained: "done" }, deadline: { ms: 15_000, event: "drained" } },
    done: { on: {}, terminal: true },
  },
};
