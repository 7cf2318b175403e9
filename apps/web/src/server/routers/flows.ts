/** Flows: history, live, and what helps to filter them. */
import {
  type FlowDetail,
  type FlowFacets,
  type FlowHistogram,
  FlowSearchInput,
  type FlowSearchOutput,
  FlowTailInput,
  TimeRange,
} from "@millrace/contract/flow";
import { FlowId } from "@millrace/contract/ids";
import { tracked } from "@trpc/server";
import { z } from "zod";
import { completeValue } from "../flow/complete.ts";
import { getFlow } from "../flow/detail.ts";
import { flowFacets } from "../flow/facets.ts";
import { flowHistogram } from "../flow/histogram.ts";
import { searchFlows } from "../flow/service.ts";
import { tailFlows } from "../flow/tail.ts";
import { protectedProcedure, router } from "../trpc.ts";

const FilteredRange = z.object({ range: TimeRange, filter: z.string().max(2000).default("") });
const GetInput = z.object({ id: FlowId, range: TimeRange.optional() });
const CompleteInput = z.object({ field: z.string().max(40), prefix: z.string().max(253), range: TimeRange });

export const flowsRouter = router({
  search: protectedProcedure
    .input(FlowSearchInput)
    .query(({ input, signal }): Promise<FlowSearchOutput> => searchFlows(input, signal)),
  histogram: protectedProcedure
    .input(FilteredRange)
    .query(({ input }): Promise<FlowHistogram> => flowHistogram(input)),
  facets: protectedProcedure
    .input(FilteredRange)
    .query(({ input }): Promise<FlowFacets> => flowFacets(input)),
  get: protectedProcedure.input(GetInput).query(({ input }): Promise<FlowDetail> => getFlow(input)),
  complete: protectedProcedure
    .input(CompleteInput)
    .query(({ input }): Promise<string[]> => completeValue(input)),
  tail: protectedProcedure.input(FlowTailInput).subscription(async function* ({ input, signal }) {
    const from = input.lastEventId ?? input.snapshot ?? null;
    for await (const tick of tailFlows(input.filter, from, signal)) yield tracked(tick.snapshot, tick);
  }),
});
