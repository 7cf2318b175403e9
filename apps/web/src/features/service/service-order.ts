/** Which services a text means, and in which order they stand. Pure. */
import type { ServiceView } from "@millrace/contract/declared";
import { parseAsString } from "nuqs/server";
import { parseAsSort, type SortChoice } from "@/view/url-params.ts";
import { addressText, portText, readyOf, serviceName } from "./service-words.ts";

export const SERVICE_SORTS = ["name", "ready", "draining", "hosts", "changed"] as const;
export type ServiceSort = (typeof SERVICE_SORTS)[number];

/** What the page keeps in its address. */
export const serviceParams = {
  sort: parseAsSort<ServiceSort>(SERVICE_SORTS).withDefault({ key: "name", descending: false }),
  find: parseAsString.withDefault(""),
  service: parseAsString,
};

const KEY: Record<ServiceSort, (service: ServiceView) => string | number> = {
  name: serviceName,
  ready: readyOf,
  draining: ({ backends }) => backends.draining,
  hosts: ({ hosts }) => hosts,
  changed: ({ changedAtMs }) => changedAtMs,
};

/** Every word must be in its name, addresses or ports. */
export function arrangeServices(
  services: readonly ServiceView[],
  find: string,
  { key, descending }: SortChoice<ServiceSort>,
): ServiceView[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const sign = descending ? -1 : 1;
  return services
    .filter((service) => {
      const text = [serviceName(service), addressText(service), ...service.ports.map(portText)].join(" ");
      return words.every((word) => text.toLowerCase().includes(word));
    })
    .sort((one, other) => {
      const [a, b] = [KEY[key](one), KEY[key](other)];
      if (a !== b) return a < b ? -sign : sign;
      return serviceName(one) < serviceName(other) ? -1 : 1;
    });
}
