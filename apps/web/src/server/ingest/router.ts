/** The agents' API: packages/contract/src/{agent-protocol,network,policy-protocol,service}.ts, procedure by procedure. */
import {
  DesiredTraces,
  EnrolInput,
  EnrolOutput,
  Heartbeat,
  HeartbeatOutput,
  HelloInput,
  HelloOutput,
  TracePush,
  TraceReport,
} from "@millrace/contract/agent-protocol";
import { PushOutput } from "@millrace/contract/batch";
import { AppError } from "@millrace/contract/error";
import {
  LeaseInput,
  LeaseOutput,
  PublishInput,
  PublishOutput,
  ResolveInput,
  ResolveOutput,
} from "@millrace/contract/network";
import {
  PolicyForInput,
  PolicyForOutput,
  PolicyPeersInput,
  PolicyPeersOutput,
} from "@millrace/contract/policy-protocol";
import { ServiceResolveInput, ServiceResolveOutput } from "@millrace/contract/service";
import { octetInputParser } from "@trpc/server/http";
import { enrol, heartbeat, hello } from "../agent-gateway/service.ts";
import { lease, publish, resolve } from "../network/service.ts";
import { peersOf, policiesFor } from "../policy/service.ts";
import { resolve as resolveServices } from "../service/service.ts";
import { applyHostReport, desiredFor, storeEvents } from "../trace/service.ts";
import { unstorable } from "../unstorable.ts";
import { agentProcedure, openProcedure, router } from "./procedure.ts";

/** What the database would refuse is told before it gets there. */
function clean<T>(input: T): T {
  const problem = unstorable(input);
  if (problem === undefined) return input;
  throw new AppError("BAD_REQUEST", problem, { publicMessage: problem });
}

export const agentRouter = router({
  agent: router({
    enrol: openProcedure
      .input(EnrolInput)
      .output(EnrolOutput)
      .mutation(({ input }) => enrol(clean(input))),
    hello: agentProcedure
      .input(HelloInput)
      .output(HelloOutput)
      .mutation(({ ctx, input }) => hello(ctx.host, clean(input), ctx.ingest.clock)),
    heartbeat: agentProcedure
      .input(Heartbeat)
      .output(HeartbeatOutput)
      .mutation(async ({ ctx, input }) => {
        await ctx.ingest.alive(ctx.host, clean(input));
        return heartbeat(ctx.host, input, ctx.ingest.clock);
      }),
  }),
  telemetry: router({
    push: agentProcedure
      .input(octetInputParser)
      .output(PushOutput)
      .mutation(({ ctx, input }) => ctx.ingest.push(ctx.host, input, ctx.encoding)),
  }),
  trace: router({
    desired: agentProcedure.output(DesiredTraces).query(async ({ ctx }) => ({
      traces: await desiredFor(ctx.host.hostId),
      serverTimeMs: ctx.ingest.clock.now(),
    })),
    report: agentProcedure
      .input(TraceReport)
      .mutation(({ ctx, input }) => applyHostReport(ctx.host.hostId, clean(input))),
    push: agentProcedure
      .input(TracePush)
      .mutation(({ ctx, input }) => storeEvents(ctx.host.hostId, clean(input))),
  }),
  network: router({
    lease: agentProcedure
      .input(LeaseInput)
      .output(LeaseOutput)
      .mutation(({ ctx, input }) => lease(ctx.host, clean(input))),
    publish: agentProcedure
      .input(PublishInput)
      .output(PublishOutput)
      .mutation(({ ctx, input }) => publish(ctx.host, clean(input))),
    resolve: agentProcedure
      .input(ResolveInput)
      .output(ResolveOutput)
      .mutation(({ ctx, input }) => resolve(ctx.host, clean(input))),
  }),
  policy: router({
    for: agentProcedure
      .input(PolicyForInput)
      .output(PolicyForOutput)
      .mutation(({ input }) => policiesFor(input)),
    peers: agentProcedure
      .input(PolicyPeersInput)
      .output(PolicyPeersOutput)
      .mutation(({ ctx, input }) => peersOf(ctx.host, input)),
  }),
  service: router({
    resolve: agentProcedure
      .input(ServiceResolveInput)
      .output(ServiceResolveOutput)
      .mutation(({ ctx, input }) => resolveServices(ctx.host, clean(input))),
  }),
  control: router({
    watch: agentProcedure.subscription(({ ctx, signal }) =>
      ctx.ingest.watches.watch(ctx.host.hostId, signal ?? new AbortController().signal),
    ),
  }),
});
export type AgentRouter = typeof agentRouter;
