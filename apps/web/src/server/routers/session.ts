/** Who am I, and how may one sign in. Signing in and out is better-auth's, at /api/auth. */
import type { Me } from "@millrace/contract/setting";
import { oidcName } from "../auth.ts";
import { protectedProcedure, publicProcedure, router } from "../trpc.ts";

export const sessionRouter = router({
  me: protectedProcedure.query(({ ctx }): Me => ctx.me),
  providers: publicProcedure.query((): { oidc: string | null } => ({ oidc: oidcName() })),
});
