/**
 * Which ports of every host's own addresses lead to services: a port of a service keeps the one that it has, one that is
 * asked for is given or a problem, and the others get a free one, looked for from where the service's name and port say.
 * TCP's and UDP's are apart. As with virtual addresses (address.ts); pure.
 */
import { createHash } from "node:crypto";
import { NODE_PORT_RANGE } from "@millrace/contract/service";
import { protocolName } from "@millrace/contract/verdict";
import type { Problem } from "@millrace/policy/reading";
import type { ServiceReading } from "@millrace/policy/service-document";
import type { HeldNodePort } from "../service-sql.ts";
import type { Wanting } from "./address.ts";
import type { OwnedNodePort } from "./repo.ts";

export type GivenNodePorts = { nodePorts: HeldNodePort[]; problems: Problem[] };

export const hasNodePorts = ({ reading }: Pick<Wanting, "reading">): boolean =>
  reading.externalTraffic !== undefined;

/** In the order of `wanting`. `standing`: all that there are. */
export function planNodePorts(
  standing: readonly OwnedNodePort[],
  wanting: readonly Wanting[],
): GivenNodePorts[] {
  const plan = new NodePortPlan(standing, wanting);
  const given = wanting.map((): GivenNodePorts => ({ nodePorts: [], problems: [] }));
  // First those that are asked for, so that none of them is given to another.
  for (const [i, one] of wanting.entries()) plan.takeAsked(one, given[i] as GivenNodePorts);
  for (const [i, one] of wanting.entries()) plan.takeOthers(one, given[i] as GivenNodePorts);
  return given;
}

type Port = ServiceReading["ports"][number];

class NodePortPlan {
  /** Whose each node port is. */
  readonly #owners = new Map<string, string>();
  /** What each port of a service had before. */
  readonly #held = new Map<string, number>();
  readonly #taken = new Set<string>();

  constructor(standing: readonly OwnedNodePort[], wanting: readonly Wanting[]) {
    const readings = new Map(wanting.map(({ documentId, reading }) => [documentId, reading]));
    for (const row of standing) {
      const reading = readings.get(row.documentId);
      // What these changes give up is anybody's.
      if (reading && !keeps(reading, row)) continue;
      this.#owners.set(placeOf(row), row.owner);
      this.#held.set(`${row.owner} ${row.protocol} ${row.servicePort}`, row.port);
    }
  }

  takeAsked(service: Wanting, given: GivenNodePorts): void {
    for (const [i, { protocol, nodePort, port }] of portsOf(service)) {
      if (nodePort === undefined) continue;
      const place = placeOf({ protocol, port: nodePort });
      const owner = this.#owners.get(place);
      if (owner === undefined || owner === ownerOf(service))
        this.#take({ protocol, port: nodePort, servicePort: port }, service, given);
      else
        given.problems.push({
          path: fieldOf(i),
          message: `${nodePort}/${protocolName(protocol)} is the node port of service ${owner}`,
        });
    }
  }

  takeOthers(service: Wanting, given: GivenNodePorts): void {
    for (const [i, { protocol, nodePort, port }] of portsOf(service)) {
      if (nodePort !== undefined) continue;
      const found = this.#heldOf(service, protocol, port) ?? this.#freeOf(service, protocol, port);
      if (found !== undefined) this.#take({ protocol, port: found, servicePort: port }, service, given);
      else given.problems.push({ path: fieldOf(i), message: NONE_FREE });
    }
  }

  #take(nodePort: HeldNodePort, service: Wanting, given: GivenNodePorts): void {
    this.#owners.set(placeOf(nodePort), ownerOf(service));
    this.#taken.add(placeOf(nodePort));
    given.nodePorts.push(nodePort);
  }
  /** Unless another port of the service asks for just that. */
  #heldOf(service: Wanting, protocol: number, servicePort: number): number | undefined {
    const port = this.#held.get(`${ownerOf(service)} ${protocol} ${servicePort}`);
    return port !== undefined && !this.#taken.has(placeOf({ protocol, port })) ? port : undefined;
  }
  #freeOf(service: Wanting, protocol: number, servicePort: number): number | undefined {
    for (const port of fromWhere(`${ownerOf(service)} ${servicePort}`))
      if (!this.#owners.has(placeOf({ protocol, port }))) return port;
    return undefined;
  }
}

const portsOf = (service: Wanting): [number, Port][] =>
  hasNodePorts(service) ? [...service.reading.ports.entries()] : [];

/** Whether the service has the port still, and asks for no other node port of it. */
const keeps = (reading: ServiceReading, { protocol, port, servicePort }: HeldNodePort): boolean =>
  hasNodePorts({ reading }) &&
  reading.ports.some(
    (one) => one.protocol === protocol && one.port === servicePort && (one.nodePort ?? port) === port,
  );

const ownerOf = ({ namespace, name }: Wanting): string => `${namespace}/${name}`;
const placeOf = ({ protocol, port }: Pick<HeldNodePort, "protocol" | "port">): string =>
  `${protocol} ${port}`;
const fieldOf = (nth: number): string => `spec.ports[${nth}].nodePort`;

const { first, last } = NODE_PORT_RANGE;
const NONE_FREE = `no node port from ${first} to ${last} is free`;

/** All of the range, from where the text says. TCP and UDP begin alike: a port of both mostly has one number. */
function* fromWhere(text: string): Generator<number> {
  const count = last - first + 1;
  const start = createHash("sha256").update(text).digest().readUInt32BE() % count;
  for (let at = 0; at < count; at++) yield first + ((start + at) % count);
}
