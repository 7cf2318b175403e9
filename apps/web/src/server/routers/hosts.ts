/** The fleet, and one host of it. */
import { TimeRange } from "@millrace/contract/flow";
import type { HostDetail, HostSummary } from "@millrace/contract/host";
import { HostName } from "@millrace/contract/ids";
import { z } from "zod";
import { getHost, listHosts } from "../fleet/service.ts";
import { protectedProcedure, router } from "../trpc.ts";

const GetInput = z.object({ name: HostName, range: TimeRange });

export const hostsRouter = router({
  list: protectedProcedure.query(
    async (): Promise<{ hosts: HostSummary[] }> => ({ hosts: await listHosts() }),
  ),
  get: protectedProcedure
    .input(GetInput)
    .query(({ input }): Promise<HostDetail> => getHost(input.name, input.range)),
});
