/** Personal API tokens: one's own; an admin sees and revokes everybody's. */
import { CreateTokenInput, type TokenView } from "@millrace/contract/setting";
import { z } from "zod";
import { createToken, listTokens, revokeToken } from "../token/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const tokensRouter = router({
  list: protectedProcedure.query(({ ctx }): Promise<TokenView[]> => listTokens(ctx.me)),
  create: protectedProcedure
    .input(CreateTokenInput)
    .mutation(({ input, ctx }): Promise<{ token: string; view: TokenView }> => createToken(input, ctx.me)),
  revoke: protectedProcedure
    .input(z.object({ id: z.uuid() }))
    .mutation(({ input, ctx }): Promise<{ id: string }> => revokeToken(input.id, ctx.me)),
});
