/** What should stand in the kernel's tables of a virtual address, from what is known of it. Pure. */
import type { ResolvedService } from "@millrace/contract/service";
import { backendText, portText, type WantedService } from "./layout.ts";

/** Ways to so many are worth knowing beforehand: half of those that a host has room for. */
const MOST_BACKENDS = 2048;

/** SCTP's sockets don't ask at connect. */
const AT_CONNECT: readonly number[] = [6, 17];

/** Whether connections to a backend of a service fail, both named as the layout names them. */
export type IsOut = (service: string, backend: string) => boolean;

/** Where connections to these may lead. */
export function backendsOf(services: readonly (readonly [string, ResolvedService])[]): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const [, { ports }] of services)
    for (const { backends } of ports)
      for (const { address } of backends) if (addresses.size < MOST_BACKENDS) addresses.add(address);
  return addresses;
}

/**
 * All ports of the address; and after them the address itself, so that a port it doesn't have is refused and not asked
 * for: by then the others are there.
 */
export function wantedServices(
  address: string,
  found: ResolvedService | null,
  isOut: IsOut,
): WantedService[] {
  const itself: WantedService = { address, port: 0, protocol: 0, affinitySeconds: 0, backends: null };
  const ports = (found?.ports ?? []).filter(({ protocol }) => AT_CONNECT.includes(protocol));
  return [
    ...ports.map(({ protocol, port, backends }): WantedService => {
      const service = portText({ address, port, protocol });
      return {
        ...{ address, port, protocol, affinitySeconds: found?.affinitySeconds ?? 0 },
        backends: backends.map(({ state, ...backend }) => ({
          ...{ ...backend, draining: state === "draining" },
          isOut: isOut(service, backendText(backend)),
        })),
      };
    }),
    itself,
  ];
}
