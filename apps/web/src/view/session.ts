"use client";
/** Who is signed in, and whether they may do something: asked of the same table as the API's. */
import { isAtLeast, mayCall, PROCEDURE_ROLE, type Procedure } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/trpc/client.tsx";

export function useMe(): Me | undefined {
  const trpc = useTRPC();
  return useQuery(trpc.session.me.queryOptions(undefined, { staleTime: 60_000 })).data;
}

/** Null when allowed; else the reason, for the button that can't be used. */
export function useRefusal(procedure: Procedure): string | null {
  const me = useMe();
  if (!me) return "Who you are is not known yet";
  if (mayCall(me.role, procedure)) return null;
  const least = PROCEDURE_ROLE[procedure];
  return `Your role is ${me.role}; this needs ${isAtLeast("operator", least) ? `${least} or more` : least}`;
}
