/** Services in words: their ports, and what is behind them. Pure. */
import type { ServiceView } from "@millrace/contract/declared";
import { protocolName } from "@millrace/contract/verdict";

export const serviceName = ({ namespace, name }: { namespace: string; name: string }): string =>
  `${namespace}/${name}`;

type Port = Pick<ServiceView["ports"][number], "name" | "protocol" | "port">;
/** `http TCP 80` */
export const portText = ({ name, protocol, port }: Port): string =>
  [name, protocolName(protocol), String(port)].filter(Boolean).join(" ");

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
