/** Pools that pods get their addresses from, and the ranges of services' virtual addresses. */
import { ByPoolName, CreatePoolInput, type PoolView } from "@millrace/contract/pool";
import { type ServiceRangesView, SetServiceRangesInput } from "@millrace/contract/service";
import { createPool, getServiceRanges, listPools, removePool, setServiceRanges } from "../pool/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const poolsRouter = router({
  list: protectedProcedure.query((): Promise<PoolView[]> => listPools()),
  create: protectedProcedure
    .input(CreatePoolInput)
    .mutation(({ input, ctx }): Promise<PoolView> => createPool(input, ctx.me)),
  remove: protectedProcedure
    .input(ByPoolName)
    .mutation(({ input, ctx }): Promise<{ name: string }> => removePool(input.name, ctx.me)),
  serviceRanges: protectedProcedure.query((): Promise<ServiceRangesView> => getServiceRanges()),
  setServiceRanges: protectedProcedure
    .input(SetServiceRangesInput)
    .mutation(({ input, ctx }): Promise<ServiceRangesView> => setServiceRanges(input, ctx.me)),
});
