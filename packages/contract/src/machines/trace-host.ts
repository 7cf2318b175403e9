/** One host's part in a trace session: what its agent said last. The end's reason is a field. */
import type { Machine } from "./machine.ts";

export type TraceHostState = "pending" | "attaching" | "attached" | "detaching" | "ended";
export type TraceHostEvent = "attach" | "attached" | "refuse" | "stop" | "detached" | "lost";

export const TRACE_HOST: Machine<TraceHostState, TraceHostEvent> = {
  initial: "pending",
  states: {
    pending: {
      on: { attach: "attaching", attached: "attached", refuse: "ended", stop: "ended", lost: "ended" },
      deadline: { ms: 15_000, event: "lost" },
    },
    attaching: {
      on: { attached: "attached", refuse: "ended", stop: "detaching", lost: "ended" },
      deadline: { ms: 15_000, event: "lost" },
    },
    attached: {
      on: { stop: "detaching", detached: "ended", lost: "ended" },
      deadline: { ms: 3_600_000, event: "stop" },
    },
    detaching: { on: { detached: "ended", lost: "ended" }, deadline: { ms: 10_000, event: "lost" } },
    ended: { on: {}, terminal: true },
  },
};
