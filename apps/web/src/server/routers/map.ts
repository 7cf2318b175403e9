/** The Map page's one question. */
import { type FlowMap, MapInput } from "@millrace/contract/map";
import { getMap } from "../map/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const mapRouter = router({
  get: protectedProcedure.input(MapInput).query(({ input }): Promise<FlowMap> => getMap(input)),
});
