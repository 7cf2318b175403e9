/**
 * Which backends get nothing new for a while, from what became of this host's own connections to them. Outlier detection as
 * Envoy has it (success rate, ejection times that grow), over windows of seconds. Pure; a host judges for itself alone.
 */
import type { BackendCounts } from "../dataplane/services.ts";

/** Looks that are judged together. */
const WINDOW = 5;
/** Fewer than that in the window say nothing. */
const LEAST_FAILED = 3;
/** Out from this share of failed connections on. */
const FAILING = 0.5;
/** And only where the service's other backends do that much better: else the fault is on the way, or what it does is usual. */
const WORSE_THAN_OTHERS = 2;
const FIRST_OUT_MS = 10_000;
const LONGEST_OUT_MS = 300_000;
/** Back for so long, an earlier time out is forgotten. */
const FORGIVEN_MS = 300_000;

export type ObservedBackend = BackendCounts & { service: string; backend: string };
export type HealthChange = { service: string; backend: string; out: boolean; why: string };
export type OutBackend = { service: string; backend: string; why: string };

/** Connections: those that ended somehow, and of these the ones that failed or were reset. */
type Sum = { done: number; failed: number };
type Backend = {
  last: BackendCounts;
  looks: Sum[];
  /** 0: in use. */
  outUntilMs: number;
  why: string;
  /** How often it was out without having been forgiven, and until when that counts. */
  times: number;
  forgivenAtMs: number;
};

export class BackendHealth {
  /** By service, then by backend. */
  readonly #services = new Map<string, Map<string, Backend>>();

  isOut(service: string, backend: string): boolean {
    return (this.#services.get(service)?.get(backend)?.outUntilMs ?? 0) > 0;
  }
  out(): OutBackend[] {
    return [...this.#services].flatMap(([service, backends]) =>
      [...backends].flatMap(([backend, { outUntilMs, why }]) =>
        outUntilMs > 0 ? [{ service, backend, why }] : [],
      ),
    );
  }

  /** With the counters of all backends there are, as they stand now: those whose use changes. */
  look(observed: readonly ObservedBackend[], nowMs: number): HealthChange[] {
    const present = new Map<string, Map<string, Backend>>();
    for (const { service, backend, ...counts } of observed) {
      const backends = present.get(service) ?? new Map<string, Backend>();
      present.set(service, backends.set(backend, this.#seen(service, backend, counts)));
    }
    const gone = this.out().filter(({ service, backend }) => !present.get(service)?.has(backend));
    this.#services.clear();
    for (const [service, backends] of present) this.#services.set(service, backends);
    return [
      // It may be back already, under another number that nobody has asked for yet.
      ...gone.map(({ service, backend }) => ({ service, backend, out: false, why: "it is gone" })),
      ...[...present].flatMap(([service, backends]) => [
        ...comeBack(service, backends, nowMs),
        ...takeOut(service, backends, nowMs),
      ]),
    ];
  }

  #seen(service: string, backend: string, counts: BackendCounts): Backend {
    const known = this.#services.get(service)?.get(backend);
    // Another number: it went and came back, and its counters began anew.
    const goesOn = known?.last.number === counts.number;
    const state = known ?? { last: counts, looks: [], outUntilMs: 0, why: "", times: 0, forgivenAtMs: 0 };
    const looks = [...state.looks, goesOn ? between(state.last, counts) : { done: 0, failed: 0 }];
    return { ...state, last: counts, looks: looks.slice(-WINDOW) };
  }
}

function between(last: BackendCounts, now: BackendCounts): Sum {
  const since = (what: "answered" | "failures" | "resets") => Math.max(0, Number(now[what] - last[what]));
  const [answered, failures, resets] = [since("answered"), since("failures"), since("resets")];
  // A connection that is reset was answered, mostly in an earlier look.
  return { done: Math.max(answered, resets) + failures, failed: failures + resets };
}

function comeBack(service: string, backends: Map<string, Backend>, nowMs: number): HealthChange[] {
  const changes: HealthChange[] = [];
  for (const [backend, state] of backends) {
    if (state.outUntilMs > 0 && state.outUntilMs <= nowMs) {
      state.outUntilMs = 0;
      state.forgivenAtMs = nowMs + FORGIVEN_MS;
      state.looks = [];
      changes.push({ service, backend, out: false, why: "it is tried again" });
    }
    if (state.outUntilMs === 0 && state.forgivenAtMs <= nowMs) state.times = 0;
  }
  return changes;
}

/** The worst first, and never more than half of a service's backends. */
function takeOut(service: string, backends: Map<string, Backend>, nowMs: number): HealthChange[] {
  const inUse = [...backends].filter(([, { outUntilMs }]) => outUntilMs === 0);
  let room = Math.floor(backends.size / 2) - (backends.size - inUse.length);
  const all = sumOf(inUse.flatMap(([, { looks }]) => looks));
  const worst = inUse
    .map(([backend, state]) => ({ backend, state, sum: sumOf(state.looks) }))
    .filter(({ sum }) => isOutlier(sum, { done: all.done - sum.done, failed: all.failed - sum.failed }))
    .sort((a, b) => share(b.sum) - share(a.sum));
  const changes: HealthChange[] = [];
  for (const { backend, state, sum } of worst) {
    if (room-- <= 0) break;
    const outMs = Math.min(FIRST_OUT_MS * 2 ** state.times, LONGEST_OUT_MS);
    state.outUntilMs = nowMs + outMs;
    state.times++;
    state.looks = [];
    state.why = `${sum.failed} of its last ${sum.done} connections failed: nothing new for ${outMs / 1000} s`;
    changes.push({ service, backend, out: true, why: state.why });
  }
  return changes;
}

const isOutlier = (sum: Sum, others: Sum): boolean =>
  sum.failed >= LEAST_FAILED && share(sum) >= FAILING && share(sum) >= share(others) * WORSE_THAN_OTHERS;

const share = ({ done, failed }: Sum): number => (done === 0 ? 0 : failed / done);

const sumOf = (looks: readonly Sum[]): Sum =>
  looks.reduce((all, one) => ({ done: all.done + one.done, failed: all.failed + one.failed }), {
    done: 0,
    failed: 0,
  });
