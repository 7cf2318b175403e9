/** Which agents may report, and how one more gets in. */
import { HostName } from "@millrace/contract/ids";
import { type AgentView, CreateEnrolTokenInput } from "@millrace/contract/setting";
import { z } from "zod";
import { createEnrolToken, listAgents, revokeAgent } from "../token/enrol.ts";
import { protectedProcedure, router } from "../trpc.ts";

type EnrolTokenMade = { token: string; command: string; expiresAtMs: number };

export const agentsRouter = router({
  list: protectedProcedure.query((): Promise<AgentView[]> => listAgents()),
  createEnrolToken: protectedProcedure
    .input(CreateEnrolTokenInput)
    .mutation(({ input, ctx }): Promise<EnrolTokenMade> => createEnrolToken(input, ctx.me)),
  revoke: protectedProcedure
    .input(z.object({ host: HostName }))
    .mutation(({ input, ctx }): Promise<{ host: string }> => revokeAgent(input.host, ctx.me)),
});
