/**
 * Which traces to start and to stop, from what the server wants now and what runs here. Pure. A session that
 * ended here by its lease or rate is not started again while the server still lists it.
 */
import type { DesiredTrace } from "@millrace/contract/agent-protocol";
import type { TraceEnd, TraceKind } from "@millrace/contract/trace-kind";

export type RunningTrace = { id: string; generation: number; ended: boolean };
export type TraceStep =
  | { do: "start"; trace: DesiredTrace }
  | { do: "refuse"; trace: DesiredTrace; why: string }
  | { do: "stop"; id: string; end: TraceEnd | null }
  /** Nobody asks for it any more: its end need not be remembered. */
  | { do: "forget"; id: string };

export type TracePlanInput = {
  desired: readonly DesiredTrace[];
  running: readonly RunningTrace[];
  limit: number;
  /** Why this host can't run a kind; absent when it can. */
  unable: Partial<Record<TraceKind, string>>;
};

export function planTraces(input: TracePlanInput): TraceStep[] {
  const wanted = new Map(input.desired.map((trace) => [trace.id as string, trace]));
  const here = new Map(input.running.map((trace) => [trace.id, trace]));
  const steps: TraceStep[] = [];
  let live = input.running.filter((trace) => !trace.ended).length;
  for (const { id, generation, ended } of input.running) {
    const trace = wanted.get(id);
    if (trace && trace.generation <= generation) continue;
    if (ended) steps.push({ do: "forget", id });
    else {
      steps.push({ do: "stop", id, end: trace ? "superseded" : null });
      live--;
    }
  }
  for (const trace of wanted.values()) {
    const known = here.get(trace.id);
    if (known && known.generation >= trace.generation) continue;
    const why = input.unable[trace.spec.kind] ?? (live >= input.limit ? tooMany(input.limit) : undefined);
    if (why) steps.push({ do: "refuse", trace, why });
    else {
      steps.push({ do: "start", trace });
      live++;
    }
  }
  return steps;
}

const tooMany = (limit: number): string => `this host runs ${limit} traces already, the most it takes`;

/** One line a step: what reviews and logs read. */
export function describeTraceStep(step: TraceStep): string {
  if (step.do === "forget") return `forget ${step.id}`;
  if (step.do === "stop") return `stop ${step.id}${step.end ? ` (${step.end})` : ""}`;
  const { id, generation, spec } = step.trace;
  const what = `${id} generation ${generation}, ${spec.kind}, ${spec.rateEps} a second`;
  return step.do === "start" ? `start ${what}` : `refuse ${what}: ${step.why}`;
}
