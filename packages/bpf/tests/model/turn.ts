/*
 * Packets at a pod's link, where the pod knows the service alone and everything beyond the backend alone: what comes from a backend
 * turned into the service's, and errors both ways with what they quote (docs/service-dataplane.md, "Packet by packet").
 */
import { flowOf, quotedFlow, reversed } from "./flow.ts";
import { isIcmp, isIcmpError, type Packet, parseQuote } from "./parse.ts";
import { type Rewriting, rewriteEnd, rewriteErrorAddress, rewriteQuote } from "./rewrite.ts";
import { answeredService } from "./service.ts";
import type { State } from "./side.ts";
import type { Pod } from "./world.ts";

const isLater = ({ fragment }: Packet): boolean => (fragment?.offset ?? 0) > 0;

/** What comes for the pod. True: it was a backend's, or about what a backend was sent. */
export function turnToService(
  { table, translations }: State,
  pod: Pod,
  packet: Packet,
  work: Rewriting,
): boolean {
  if (packet.vlan !== 0) return false;
  if (!isLater(packet) && isIcmpError(packet.proto, packet.dport)) {
    const quote = parseQuote(work.frame, packet);
    const sent = quote && quotedFlow(quote, pod.endpointId, 0);
    const flow = sent && answeredService(table, translations, sent);
    if (!quote || !flow) return false;
    rewriteQuote(work, packet, quote, "destination", { address: flow.daddr, port: flow.dport });
    rewriteQuote(work, packet, quote, "source", { address: flow.saddr, port: flow.sport });
    if (packet.saddr !== sent.daddr) return true; // from somebody on the way
    rewriteErrorAddress(work, packet, "source", flow.daddr);
    packet.saddr = flow.daddr;
    return true;
  }
  const flow = isIcmp(packet.proto)
    ? undefined
    : answeredService(table, translations, flowOf(packet, pod.endpointId, "ingress"));
  if (!flow) return false;
  rewriteEnd(work, packet, "source", { address: flow.daddr, port: flow.dport });
  rewriteEnd(work, packet, "destination", { address: flow.saddr, port: flow.sport });
  Object.assign(packet, { saddr: flow.daddr, sport: flow.dport, dport: flow.sport });
  return true;
}

/** A pod's error about what a backend answered: the backend must find in it what it sent. */
export function turnErrorToBackend(
  { table, translations }: State,
  pod: Pod,
  packet: Packet,
  work: Rewriting,
): void {
  if (isLater(packet)) return;
  const quote = parseQuote(work.frame, packet);
  const as = quote && reversed(quotedFlow(quote, pod.endpointId, 0));
  const about = as && (table.live(as) ?? table.live(translations.askedFor(as)));
  if (!quote || !about?.target || packet.daddr !== about.flow.daddr) return;
  rewriteQuote(work, packet, quote, "source", about.target);
  rewriteQuote(work, packet, quote, "destination", { address: about.flow.saddr, port: about.target.from });
  rewriteErrorAddress(work, packet, "destination", about.target.address);
  packet.daddr = about.target.address;
}
