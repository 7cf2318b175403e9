/** What hosts hold of the network. */
import { ReleaseInput, type ReleaseView } from "@millrace/contract/pool";
import { releaseHost } from "../network/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const networkRouter = router({
  release: protectedProcedure
    .input(ReleaseInput)
    .mutation(({ input, ctx }): Promise<ReleaseView> => releaseHost(input.host, ctx.me)),
});
