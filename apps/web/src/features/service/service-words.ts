/** Services in words: their ports, and what is behind them. Pure. */

import type { ServiceView, WholeServiceView } from "@millrace/contract/declared";
import { NODE_PORT_ADDRESS } from "@millrace/contract/node-port";
import type { ServiceBackend } from "@millrace/contract/service";
import { protocolName } from "@millrace/contract/verdict";

export const serviceName = ({ namespace, name }: { namespace: string; name: string }): string =>
  `${namespace}/${name}`;

type Port = Pick<ServiceView["ports"][number], "name" | "protocol" | "port">;
/** `http TCP 80` */
export const portText = ({ name, protocol, port }: Port): string =>
  [name, protocolName(protocol), String(port)].filter(Boolean).join(" ");

/** `TCP 30080, UDP 30053`; empty where it has none. */
export const nodePortsText = ({ ports }: Pick<ServiceView, "ports">): string =>
  ports
    .filter(({ nodePort }) => nodePort !== null)
    .map(({ protocol, nodePort }) => `${protocolName(protocol)} ${nodePort}`)
    .join(", ");

type Failing = WholeServiceView["failing"];
/** Of what hosts say of the service's backends what they say of this one, reached by this port or its node port. */
export const failingAt = (
  failing: Failing,
  of: Pick<ServiceView["ports"][number], "protocol" | "port" | "nodePort">,
  at: ServiceBackend,
): Failing =>
  failing.filter(
    ({ service, backend }) =>
      service.protocol === of.protocol &&
      service.port === (service.address === NODE_PORT_ADDRESS ? of.nodePort : of.port) &&
      backend.address === at.address &&
      backend.port === at.port,
  );

/** Ready ones: its pods, and endpoints that slices say are. */
export const readyOf = ({ backends: { pods, ready } }: Pick<ServiceView, "backends">): number => pods + ready;

/** Flows to its backends go by its name where the agents know it, and else by its virtual addresses. */
export const flowsFilter = ({ name, namespace }: { namespace: string; name: string }): string =>
  `dst.service=${name} dst.namespace=${namespace}`;

export function addressText({
  isHeadless,
  addresses,
}: Pick<ServiceView, "isHeadless" | "addresses">): string {
  if (isHeadless) return "headless";
  return addresses.length > 0 ? addresses.join(", ") : "none";
}
