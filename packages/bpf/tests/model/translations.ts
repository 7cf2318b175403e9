/*
 * By which a far end's answers find the flow they belong to: at this host for what left under its address, at the pod's link for
 * what was sent to a service. An entry is claimed by one flow, and ends with it; what a flow no longer uses is swept.
 */
import { type FlowTable, isElsewhere, type Tracked } from "./conntrack.ts";
import { type Flow, flowText, onWire } from "./flow.ts";
import { isIcmp } from "./parse.ts";
import type { Place } from "./world.ts";

/** What an answer shows: a far end, and the address and port that it knows. */
export interface Answered {
  proto: number;
  remote: Place;
  own: Place;
}

const textOf = ({ proto, remote, own }: Answered): string =>
  [proto, remote.address, isIcmp(proto) ? 0 : remote.port, own.address, own.port].join(" ");
const answerTo = ({ proto, daddr, dport }: Flow, own: Place): string =>
  textOf({ proto, remote: { address: daddr, port: dport }, own });
const ownPlace = ({ saddr, sport }: Flow): Place => ({ address: saddr, port: sport });

export interface Claim {
  flow: Flow;
  /** The pod's, as at its link. */
  port: number;
}

export class Translations {
  readonly #claims = new Map<string, Claim>();

  claimOf(answered: Answered): Claim | undefined {
    return this.#claims.get(textOf(answered));
  }
  /** The flow to a service whose backend sends this, as a pod would see it that knew nothing of services. */
  askedFor(flow: Flow): Flow | undefined {
    const owner = this.#claims.get(answerTo(flow, ownPlace(flow)))?.flow;
    return owner?.endpointId === flow.endpointId && owner.saddr === flow.saddr ? owner : undefined;
  }
  /** Whose packets look so beyond the pod's link, whether it is live or not. */
  bearerOf(table: FlowTable, wire: Flow): { flow: Flow; live: Tracked | undefined } {
    const own = table.live(wire);
    if (own && !isElsewhere(own)) return { flow: wire, live: own };
    const flow = this.askedFor(wire);
    return flow ? { flow, live: table.live(flow) } : { flow: wire, live: undefined };
  }
  /** By another flow than this; `wire`: where it goes. */
  isTaken(flow: Flow, wire: Flow, own: Place): boolean {
    const owner = this.#claims.get(answerTo(wire, own))?.flow;
    return owner !== undefined && flowText(owner) !== flowText(flow);
  }
  claim(flow: Flow, wire: Flow, own: Place): void {
    this.#claims.set(answerTo(wire, own), { flow, port: wire.sport });
  }
  end(tracked: Tracked): void {
    for (const text of used(tracked)) {
      const owner = this.#claims.get(text)?.flow;
      if (owner && flowText(owner) === flowText(tracked.flow)) this.#claims.delete(text);
    }
  }
  /** What was claimed, and is no flow's any more. */
  sweep(table: FlowTable): void {
    for (const [text, { flow }] of this.#claims) {
      const tracked = table.find(flow);
      if (!tracked || !used(tracked).includes(text)) this.#claims.delete(text);
    }
  }
}

function used({ flow, nat, target }: Tracked): string[] {
  const wire = onWire(flow, target);
  return [...(nat ? [answerTo(wire, nat)] : []), ...(target ? [answerTo(wire, ownPlace(wire))] : [])];
}
