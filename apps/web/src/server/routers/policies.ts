/** Policies as they stand, with what they come to. They are changed as documents. */
import { NamedPoliciesInput, type NamedPolicy, type PolicyView } from "@millrace/contract/declared";
import { listPolicies, namedPolicies } from "../policy/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const policiesRouter = router({
  list: protectedProcedure.query((): Promise<PolicyView[]> => listPolicies()),
  named: protectedProcedure
    .input(NamedPoliciesInput)
    .query(({ input }): Promise<NamedPolicy[]> => namedPolicies(input)),
});
