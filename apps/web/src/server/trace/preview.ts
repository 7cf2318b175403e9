/** What a trace would do before it does it: which hosts could take part, how many pods match, how much comes. */
import { Heartbeat } from "@millrace/contract/agent-protocol";
import type { TraceFilter, TracePreview, TraceSpec } from "@millrace/contract/trace";
import { abilityOf } from "./able.ts";
import * as repo from "./repo.ts";

type Pod = Heartbeat["pods"][number];

export async function previewTrace(spec: TraceSpec): Promise<TracePreview> {
  const found = await repo.findHostFacts(spec.hosts, true);
  const known = new Map(found.map((facts) => [facts.name, facts]));
  const hosts = [...new Set(spec.hosts)].map((host) => {
    const facts = known.get(host);
    const unknown = { host, online: false, able: false, reason: "there is no such host" };
    return facts ? abilityOf(spec.kind, facts) : unknown;
  });
  const pods = found.flatMap(({ heartbeat }) => {
    const read = Heartbeat.safeParse(heartbeat);
    return read.success ? read.data.pods : [];
  });
  return {
    hosts,
    matchingPods: pods.filter((pod) => matchesPod(spec.filter, pod)).length,
    recentEventsPerSecond:
      found.length === 0
        ? null
        : await repo.recentRate(
            spec.kind,
            found.map((f) => f.id),
          ),
  };
}

const fits = (wanted: string | null | undefined, actual: string | null): boolean =>
  !wanted || wanted === actual;

function matchesPod(filter: TraceFilter, pod: Pod): boolean {
  if (pod.state !== "covered" || !fits(filter.namespace, pod.namespace) || !fits(filter.pod, pod.pod))
    return false;
  return !filter.container || pod.containers.some((container) => fits(filter.container, container.name));
}
