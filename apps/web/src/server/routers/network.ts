/** What hosts hold of the network. */
import { type HeldBlocksView, ReleaseInput, type ReleaseView } from "@millrace/contract/pool";
import { releaseHost } from "../network/service.ts";
import { listHeld } from "../pool/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const networkRouter = router({
  blocks: protectedProcedure.query((): Promise<HeldBlocksView> => listHeld()),
  release: protectedProcedure
    .input(ReleaseInput)
    .mutation(({ input, ctx }): Promise<ReleaseView> => releaseHost(input.host, ctx.me)),
});
