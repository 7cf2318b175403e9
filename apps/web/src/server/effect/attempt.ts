/**
 * What policies had to judge of a recorded flow: an attempt at each end that is a pod of ours, by the labels that it has
 * now; or why that can't be said. Pure.
 */
import { contains, type Prefix, parseAddress } from "@millrace/contract/prefix";
import type { NotJudged } from "@millrace/contract/what-if";
import type { Attempt } from "@millrace/policy/judge";
import { hasPorts } from "@millrace/policy/judgement";
import type { RecentFlow } from "../flow/service.ts";
import type { HeldAddress } from "../policy/service.ts";
import type { Names } from "../workload/service.ts";

export type Known = {
  holders: ReadonlyMap<string, HeldAddress>;
  /** Where all pods' addresses lie. */
  pools: readonly Prefix[];
  names: Pick<Names, "workload">;
};

/** Empty where no end is a pod of ours: policies have no say in it. */
export function attemptsAt(flow: RecentFlow, known: Known): Attempt[] | NotJudged {
  const { src, dst } = flow;
  if (src === dst) return [];
  const [source, destination] = [endOf(src, flow.srcWorkload, known), endOf(dst, flow.dstWorkload, known)];
  if (source.isGone || destination.isGone) return "gone";
  const holders = [source.holder, destination.holder].filter((one) => one !== undefined);
  if (holders.some(({ sinceUs }) => sinceUs > flow.lastSeenUs)) return "changed";
  if (holders.length > 0 && !flow.openerKnown) return "opener-unknown";
  return [
    ...attemptBy("egress", source, destination, flow),
    ...attemptBy("ingress", destination, source, flow),
  ];
}

type FlowEnd = {
  address: string;
  holder: HeldAddress | undefined;
  /** The name of the host that it is, where it is one. */
  host: string | null;
  isGone: boolean;
};
function endOf(address: string, workloadId: number | null, { holders, pools, names }: Known): FlowEnd {
  const holder = holders.get(address);
  const workload = names.workload(workloadId);
  const host = workload?.kind === "host" ? workload.host : null;
  const parsed = parseAddress(address);
  const isPods = parsed !== undefined && pools.some((pool) => contains(pool, parsed));
  return { address, holder, host, isGone: !holder && isPods && host === null };
}

function attemptBy(
  direction: Attempt["direction"],
  { holder }: FlowEnd,
  peer: FlowEnd,
  { proto, dstPort }: RecentFlow,
): Attempt[] {
  if (!holder) return [];
  const identity = peer.holder?.subject ?? null;
  const isHost = peer.host !== null && peer.host === holder.host;
  return [
    {
      ...{ subject: holder.subject, direction, protocol: proto },
      peer: { identity, isHost, address: peer.address },
      port: hasPorts(proto) ? dstPort : null,
    },
  ];
}
