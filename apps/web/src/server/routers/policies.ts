/** Policies as they stand, with what they come to. They are changed as documents. */
import {
  ByPolicyNumber,
  NamedPoliciesInput,
  type NamedPolicy,
  type PolicyView,
  type WholePolicyView,
} from "@millrace/contract/declared";
import { WhatIfInput, type WhatIfOutput } from "@millrace/contract/what-if";
import { whatIf } from "../effect/service.ts";
import { getPolicy, listPolicies, namedPolicies } from "../policy/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const policiesRouter = router({
  list: protectedProcedure.query((): Promise<PolicyView[]> => listPolicies()),
  get: protectedProcedure
    .input(ByPolicyNumber)
    .query(({ input }): Promise<WholePolicyView> => getPolicy(input)),
  named: protectedProcedure
    .input(NamedPoliciesInput)
    .query(({ input }): Promise<NamedPolicy[]> => namedPolicies(input)),
  whatIf: protectedProcedure.input(WhatIfInput).query(({ input }): Promise<WhatIfOutput> => whatIf(input)),
});
