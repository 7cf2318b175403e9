/** Who holds the flow table, for the heartbeat: the endpoints that hold most. */
import type { FlowTableReport } from "@millrace/contract/agent-protocol";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { LiveEndpoint } from "../endpoint/registry.ts";

const MOST_TOLD = 10;

export function flowTableReport(
  dataplane: Pick<Dataplane, "flowBudget" | "flowHolders">,
  endpoints: ReadonlyMap<number, Pick<LiveEndpoint, "state">>,
): FlowTableReport {
  const holding = dataplane.flowHolders().flatMap(({ endpointId, flows }) => {
    const state = endpoints.get(endpointId)?.state;
    return flows > 0 && state ? [{ state, flows }] : [];
  });
  const holders = holding
    .sort((a, b) => b.flows - a.flows)
    .slice(0, MOST_TOLD)
    .map(({ state: { workload, interface: name }, flows }) => ({
      ...{ namespace: workload.namespace, pod: workload.pod, interface: name, flows },
    }));
  return { budget: dataplane.flowBudget(), endpoints: holding.length, holders };
}
