/** Which services a text means, and in which order they stand. Pure. */
import type { ServiceView } from "@millrace/contract/declared";
import { parseAsString } from "nuqs/server";
import { type Arrangement, arrange, listParams } from "@/view/arrange.ts";
import type { SortChoice } from "@/view/url-params.ts";
import { addressText, nodePortsText, portText, readyOf, serviceName } from "./service-words.ts";

export const SERVICE_SORTS = ["name", "ready", "draining", "hosts", "changed"] as const;
export type ServiceSort = (typeof SERVICE_SORTS)[number];

/** What the page keeps in its address. */
export const serviceParams = { ...listParams<ServiceSort>(SERVICE_SORTS), service: parseAsString };

const BY: Arrangement<ServiceView, ServiceSort> = {
  textOf: (service) =>
    [
      ...[serviceName(service), addressText(service), ...service.ports.map(portText)],
      ...[nodePortsText(service), service.externalTraffic ?? ""],
    ].join(" "),
  nameOf: serviceName,
  keys: {
    name: serviceName,
    ready: readyOf,
    draining: ({ backends }) => backends.draining,
    hosts: ({ hosts }) => hosts,
    changed: ({ changedAtMs }) => changedAtMs,
  },
};

/** Every word must be in its name, addresses or ports. */
export const arrangeServices = (
  services: readonly ServiceView[],
  find: string,
  sort: SortChoice<ServiceSort>,
): ServiceView[] => arrange(services, BY, find, sort);
