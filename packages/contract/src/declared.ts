/** Policies and services as pages show them: what was declared, with what it comes to now. The documents themselves are document.ts's. */
import { z } from "zod";
import { BackendOut } from "./agent-protocol.ts";
import { DocumentView } from "./document.ts";
import { Labels } from "./identity.ts";
import { POLICY_DIRECTIONS, POLICY_MODES, POLICY_TIERS, Policy } from "./policy.ts";
import { LAST_POLICY_NUMBER } from "./rule-number.ts";
import { SERVICE_LIMITS, ServicePort, ServiceProtocol, TRAFFIC_POLICIES } from "./service.ts";

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

export const ByPolicyNumber = z.object({ number: z.int().min(1).max(LAST_POLICY_NUMBER) });
export type ByPolicyNumber = z.infer<typeof ByPolicyNumber>;
export const MOST_SUBJECTS = 50;
/** With what it says, whom it selects by their labels, and how far it has come. */
export const WholePolicyView = PolicyView.extend({
  policy: Policy,
  /**
   * Hosts with an endpoint that it selects, and those of them whose last heartbeat said that this revision, or a later one,
   * is in force there. null: there are more identities than are counted for a page.
   */
  hosts: z.object({ selected: z.int(), inForce: z.int() }).nullable(),
  /** The largest first. */
  subjects: z
    .array(z.object({ namespace: z.string(), labels: Labels, endpoints: z.int() }))
    .max(MOST_SUBJECTS),
});
export type WholePolicyView = z.infer<typeof WholePolicyView>;

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
  ports: z.array(
    z.object({
      name: z.string(),
      protocol: ServiceProtocol,
      port: z.int(),
      /** Of every host's own addresses, that leads to it. */
      nodePort: z.int().nullable(),
    }),
  ),
  affinitySeconds: z.int().nullable(),
  /** Whose backends its node ports send to; null: it has none. */
  externalTraffic: z.enum(TRAFFIC_POLICIES).nullable(),
  /** Pods that it selects, and endpoints of its slices by their state; an endpoint that is both counts twice. */
  backends: z.object({ pods: z.int(), ready: z.int(), draining: z.int() }),
  /** Hosts that go by an answer about one of its addresses or node ports now. */
  hosts: z.int(),
});
export type ServiceView = z.infer<typeof ServiceView>;

export const ByServiceName = z.object({
  namespace: z.string().min(1).max(63),
  name: z.string().min(1).max(63),
});
export type ByServiceName = z.infer<typeof ByServiceName>;
/** With its backends in each family that it has an address of; a headless one in both. */
export const MOST_HOLDERS = 1000;
export const MOST_FAILING = 1000;
export const WholeServiceView = ServiceView.extend({
  /** Hosts that go by an answer, by name. */
  holders: z.array(z.string()).max(MOST_HOLDERS),
  /** Backends that some of them send nothing new to, as their connections fail. */
  failing: z.array(BackendOut.extend({ host: z.string() })).max(MOST_FAILING),
  families: z.array(
    z.object({ family: z.literal([4, 6]), ports: z.array(ServicePort), leftOut: z.int().nonnegative() }),
  ),
});
export type WholeServiceView = z.infer<typeof WholeServiceView>;
