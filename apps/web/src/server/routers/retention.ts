/** How long telemetry is kept, by age and by bytes. The ingest process acts on it. */
import { Retention, type RetentionView } from "@millrace/contract/setting";
import { getRetention, setRetention } from "../setting/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const retentionRouter = router({
  get: protectedProcedure.query((): Promise<RetentionView> => getRetention()),
  set: protectedProcedure
    .input(Retention)
    .mutation(({ input, ctx }): Promise<RetentionView> => setRetention(input, ctx.me)),
});
