/** The states of traces as the dashboard says them. The states themselves are contract/machines'. */
import type { TraceHostState } from "@millrace/contract/machines/trace-host";
import type { TraceSessionState } from "@millrace/contract/machines/trace-session";

export const TRACE_SESSION_TITLE: Record<TraceSessionState, string> = {
  requested: "requested",
  arming: "attaching",
  running: "running",
  draining: "stopping",
  done: "ended",
};
export const TRACE_HOST_TITLE: Record<TraceHostState, string> = {
  pending: "waiting for the agent",
  attaching: "attaching",
  attached: "attached",
  detaching: "detaching",
  ended: "detached",
};
