/** What policy must know of this host's network: who is here, whose an address is, whom pods here may meet. */
import { Policies } from "../policy/policies.ts";
import type { NetworkOptions } from "./network-options.ts";
import type { Routes } from "./routes.ts";
import type { Whereabouts } from "./whereabouts.ts";

export function policiesOf(
  { dataplane, client, policyFile, isConnected, nowMs, log }: NetworkOptions,
  where: Whereabouts,
  routes: Routes,
  onKnown: () => void,
): Policies {
  return new Policies({
    ...{ forwarding: dataplane.forwarding, client, file: policyFile, isConnected, nowMs, log, onKnown },
    readFlows: () => dataplane.readFlows(),
    endpoints: () => where.pods(),
    endpointAt: (address) => where.podAt(address)?.endpointId,
    identityOf: (address) => where.identityOf(address),
    neighbours: () => [
      ...where.neighbours(),
      ...routes.found().map(([address, { identity }]) => ({ address, identity })),
    ],
  });
}
