/** Can a host take part in a trace now, and if not, why: said before starting, in words. Pure. */
import { HelloInput } from "@millrace/contract/agent-protocol";
import type { TraceSpec } from "@millrace/contract/trace";
import { TRACE_LIMITS, type TraceKind } from "@millrace/contract/trace-kind";
import type { HostFacts } from "./repo.ts";

/** Three heartbeats missed and a little. */
export const SILENT_MS = 20_000;
/** What the agent must say its kernel can do. */
const NEEDS: Record<TraceKind, string> = { drops: "tracing", connections: "tracing" };

export type Ability = { host: string; online: boolean; able: boolean; reason: string | null };

export function abilityOf(kind: TraceKind, facts: HostFacts): Ability {
  const online = facts.silentMs !== null && facts.silentMs < SILENT_MS && !facts.revoked;
  const reason = offline(facts) ?? unable(kind, facts);
  return { host: facts.name, online, able: reason === null, reason };
}

function offline({ silentMs, revoked, incompatible }: HostFacts): string | null {
  if (revoked) return "its agent's credential was revoked";
  if (incompatible) return `its agent is incompatible: ${incompatible}`;
  if (silentMs === null) return "its agent has never reported";
  return silentMs < SILENT_MS ? null : `its agent has been silent for ${Math.round(silentMs / 1000)} s`;
}

function unable(kind: TraceKind, facts: HostFacts): string | null {
  const hello = HelloInput.safeParse(facts.hello);
  const need = hello.success ? hello.data.capabilities.find((c) => c.name === NEEDS[kind]) : undefined;
  if (need && !need.supported) return `its kernel can't: ${need.reason ?? need.name}`;
  if (facts.traces >= TRACE_LIMITS.sessionsPerHost)
    return `it takes part in ${facts.traces} traces already, the most it may`;
  return null;
}

/** Everything that keeps the trace from starting as asked. */
export function hostProblems(spec: TraceSpec, found: HostFacts[]): { host: string; reason: string }[] {
  const known = new Map(found.map((facts) => [facts.name, facts]));
  return spec.hosts.flatMap((host) => {
    const facts = known.get(host);
    const reason = facts ? abilityOf(spec.kind, facts).reason : "there is no such host";
    return reason === null ? [] : [{ host, reason }];
  });
}
