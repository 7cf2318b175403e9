/** Pools that pods get their addresses from. */
import { ByPoolName, CreatePoolInput, type PoolView } from "@millrace/contract/pool";
import { createPool, listPools, removePool } from "../pool/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const poolsRouter = router({
  list: protectedProcedure.query((): Promise<PoolView[]> => listPools()),
  create: protectedProcedure
    .input(CreatePoolInput)
    .mutation(({ input, ctx }): Promise<PoolView> => createPool(input, ctx.me)),
  remove: protectedProcedure
    .input(ByPoolName)
    .mutation(({ input, ctx }): Promise<{ name: string }> => removePool(input.name, ctx.me)),
});
