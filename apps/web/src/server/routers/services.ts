/** Services as they stand, with what is behind them. They are changed as documents. */
import { ByServiceName, type ServiceView, type WholeServiceView } from "@millrace/contract/declared";
import { getService, listServices } from "../service/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

export const servicesRouter = router({
  list: protectedProcedure.query((): Promise<ServiceView[]> => listServices()),
  get: protectedProcedure
    .input(ByServiceName)
    .query(({ input }): Promise<WholeServiceView> => getService(input)),
});
