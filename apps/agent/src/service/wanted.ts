/** What should stand in the kernel's tables of a virtual address, from what is known of it. Pure. */
import type { ResolvedService } from "@millrace/contract/service";
import type { WantedService } from "./layout.ts";

/** SCTP's sockets don't ask at connect. */
const AT_CONNECT: readonly number[] = [6, 17];

/**
 * All ports of the address; and after them the address itself, so that a port it doesn't have is refused and not asked
 * for: by then the others are there.
 */
export function wantedServices(address: string, found: ResolvedService | null): WantedService[] {
  const itself: WantedService = { address, port: 0, protocol: 0, affinitySeconds: 0, backends: null };
  const ports = (found?.ports ?? []).filter(({ protocol }) => AT_CONNECT.includes(protocol));
  return [
    ...ports.map(
      ({ protocol, port, backends }): WantedService => ({
        ...{ address, port, protocol, affinitySeconds: found?.affinitySeconds ?? 0 },
        backends: backends.map(({ state, ...backend }) => ({ ...backend, draining: state === "draining" })),
      }),
    ),
    itself,
  ];
}
