/*
 * Where a flow goes from its endpoint: docs/dataplane.md, "Where a packet goes". Whether it may is policy.ts's.
 */
import { PathKind, PathReason, Verdict } from "@millrace/abi/generated/flow";
import { isLinkLocal, isMapped, isUnspecified } from "./bytes.ts";
import type { Flow } from "./flow.ts";
import { isIcmp, type Packet, UDP } from "./parse.ts";
import { hostPortAt, isVirtual, type Pod, podWith, routeTo, type World } from "./world.ts";

export interface Path {
  kind: PathKind;
  verdict: Verdict;
  reason: PathReason;
  ifindex: number;
  remote: number;
  identity: number;
  peerIdentity: number;
  peerEndpoint: number;
  rule: number;
  revision: number;
}

export function refuse(path: Path, reason: PathReason): void {
  Object.assign(path, { kind: PathKind.NONE, verdict: Verdict.DROP, reason });
}
/** A pod sends as itself; on its own link also under a link-local address, and while it asks for one under none. */
export function mayBeSource(world: World, pod: Pod, packet: Packet): boolean {
  const { family, saddr, daddr, dport, proto } = packet;
  if (family === 6 && isMapped(saddr)) return false;
  const owner = podWith(world, saddr);
  if (owner) return owner.endpointId === pod.endpointId;
  if (family !== 6) return false;
  if (isUnspecified(saddr)) return isIcmp(proto);
  const isForService = isVirtual(world, daddr) || hostPortAt(world, daddr, dport, proto) !== undefined;
  const isForHost = !podWith(world, daddr) && routeTo(world, daddr)?.kind === PathKind.HOST;
  return isLinkLocal(saddr) && isForHost && !isForService;
}

export function decideWay(world: World, flow: Flow): Path {
  const path: Path = {
    ...{ kind: PathKind.NONE, verdict: Verdict.FORWARD, reason: PathReason.NONE, ifindex: 0, remote: 0 },
    ...{ identity: podWith(world, flow.saddr)?.identity ?? 0, peerIdentity: 0, peerEndpoint: 0 },
    ...{ rule: 0, revision: 0 },
  };
  const peer = podWith(world, flow.daddr);
  if (peer)
    return Object.assign(path, {
      ...{ kind: PathKind.LOCAL, ifindex: peer.ifindex },
      ...{ peerIdentity: peer.identity, peerEndpoint: peer.endpointId },
    });
  const route = routeTo(world, flow.daddr);
  if (!route) refuse(path, PathReason.NO_ROUTE);
  else {
    const { kind, remote, identity } = route;
    Object.assign(path, { kind, remote, peerIdentity: identity, ifindex: world.uplink });
    if (kind === PathKind.PUNT) path.verdict = Verdict.PUNT;
    // A host takes what comes to this port for the word of another host.
    const isTunnel = flow.proto === UDP && flow.dport === world.tunnelPort;
    if (kind === PathKind.HOST && isTunnel) refuse(path, PathReason.TUNNEL_FORGED);
  }
  return path;
}
