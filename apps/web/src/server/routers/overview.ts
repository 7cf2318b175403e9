/** The Overview page's one question. */
import { type Overview, OverviewInput } from "@millrace/contract/overview";
import { getOverview } from "../overview/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const overviewRouter = router({
  get: protectedProcedure.input(OverviewInput).query(({ input }): Promise<Overview> => getOverview(input)),
});
