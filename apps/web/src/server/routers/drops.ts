/** Drops: what was lost, grouped by why, where and between whom. */
import { type DropGroup, type DropSummary, DropSummaryInput } from "@millrace/contract/drop";
import { z } from "zod";
import { getDropGroup, summarizeDrops } from "../drop/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

const GetInput = z.object({
  ...DropSummaryInput.shape,
  reason: z.string().max(80),
  place: z.string().max(120),
  host: z.string().max(128),
});

export const dropsRouter = router({
  summary: protectedProcedure
    .input(DropSummaryInput)
    .query(({ input }): Promise<DropSummary> => summarizeDrops(input)),
  get: protectedProcedure.input(GetInput).query(({ input }): Promise<DropGroup> => getDropGroup(input)),
});
