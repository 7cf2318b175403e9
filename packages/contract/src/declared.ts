/** Policies and services as pages show them: what was declared, with what it comes to now. The documents themselves are document.ts's. */
import { z } from "zod";
import { DocumentView } from "./document.ts";
import { POLICY_DIRECTIONS, POLICY_MODES, POLICY_TIERS } from "./policy.ts";
import { LAST_POLICY_NUMBER } from "./rule-number.ts";
import { SERVICE_LIMITS, ServicePort, ServiceProtocol } from "./service.ts";

export const PolicyView = DocumentView.extend({
  number: z.int(),
  tier: z.enum(POLICY_TIERS),
  mode: z.enum(POLICY_MODES),
  isolates: z.array(z.enum(POLICY_DIRECTIONS)),
  rules: z.int().nonnegative(),
  /** Endpoints that it selects now; null: there are more identities than are counted for a page. */
  selected: z.int().nonnegative().nullable(),
});
export type PolicyView = z.infer<typeof PolicyView>;

export const NamedPoliciesInput = z.object({
  numbers: z.array(z.int().min(1).max(LAST_POLICY_NUMBER)).max(500),
});
export type NamedPoliciesInput = z.infer<typeof NamedPoliciesInput>;
/** What a policy's number means on flows, also when the policy is gone. */
export const NamedPolicy = z.object({
  number: z.int(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  isDeleted: z.boolean(),
});
export type NamedPolicy = z.infer<typeof NamedPolicy>;

export const ServiceView = DocumentView.extend({
  addresses: z.array(z.string()).max(SERVICE_LIMITS.addresses),
  isHeadless: z.boolean(),
  ports: z.array(z.object({ name: z.string(), protocol: ServiceProtocol, port: z.int() })),
  affinitySeconds: z.int().nullable(),
  /** Pods that it selects, and endpoints of its slices by their state; an endpoint that is both counts twice. */
  backends: z.object({ pods: z.int(), ready: z.int(), draining: z.int() }),
});
export type ServiceView = z.infer<typeof ServiceView>;

export const ByServiceName = z.object({
  namespace: z.string().min(1).max(63),
  name: z.string().min(1).max(63),
});
export type ByServiceName = z.infer<typeof ByServiceName>;
/** With its backends in each family that it has an address of; a headless one in both. */
export const WholeServiceView = ServiceView.extend({
  families: z.array(
    z.object({ family: z.literal([4, 6]), ports: z.array(ServicePort), leftOut: z.int().nonnegative() }),
  ),
});
export type WholeServiceView = z.infer<typeof WholeServiceView>;
