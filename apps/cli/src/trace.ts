/** `millrace trace`: start a live trace and watch it, list traces, stop them. Ctrl-C stops what was started here. */
import { TraceSessionId } from "@millrace/contract/ids";
import { type TraceEventView, type TraceSessionView, TraceSpec } from "@millrace/contract/trace";
import { TRACE_END_TITLE, TRACE_KINDS, TRACE_LIMITS, type TraceKind } from "@millrace/contract/trace-kind";
import { parseDuration } from "@millrace/contract/units";
import { protocolNumber } from "@millrace/contract/verdict";
import { Command, Option } from "commander";
import type { z } from "zod";
import { type Client, connect } from "./client.ts";
import { UsageError } from "./failure.ts";
import { beforeLeaving } from "./leaving.ts";
import { formatTraceEvent, formatTraceSession } from "./trace-format.ts";

type RunOptions = {
  host?: string[];
  pod?: string;
  container?: string;
  ip?: string[];
  port?: string[];
  protocol?: string;
  duration: string;
  rate: string;
  reason: string;
  output: string;
};

export function traceCommand(): Command {
  const trace = new Command("trace").description("live traces on the kernels of hosts");
  trace.addCommand(runCommand());
  trace
    .command("list")
    .description("sessions, newest first")
    .addOption(new Option("-o, --output <format>", "output").choices(["compact", "json"]).default("compact"))
    .action(async ({ output }: { output: string }, self: Command) => {
      const { sessions } = await connect(self).traces.list.query({});
      const lineOf = output === "json" ? JSON.stringify : formatTraceSession;
      for (const session of sessions) process.stdout.write(`${lineOf(session)}\n`);
    });
  trace
    .command("stop [id]")
    .description("stop one session, or all of them with --all")
    .option("--all", "every session of the fleet")
    .action(async (id: string | undefined, options: { all?: boolean }, self: Command) => {
      if (Boolean(id) === Boolean(options.all)) throw new UsageError("give a session's id or --all");
      const client = connect(self);
      await (id ? client.traces.stop.mutate({ id: sessionId(id) }) : client.traces.stopAll.mutate());
    });
  return trace;
}

function runCommand(): Command {
  return new Command("run")
    .argument("<kind>", `what to trace: ${TRACE_KINDS.join(" or ")}`)
    .description("start a trace and print its events until it ends")
    .option("--host <name...>", "hosts to trace on (default: every host that is there)")
    .option("--pod <name>", "only this pod, [namespace/]name")
    .option("--container <name>", "only this container")
    .option("--ip <address...>", "one or two addresses of the flow")
    .option("--port <port...>", "ports, in the order of the addresses")
    .option("--protocol <name>", "protocol")
    .option("--duration <time>", "lease: the trace ends by then", "60s")
    .option("--rate <events>", "events per second and host at most", String(TRACE_LIMITS.rateEps.default))
    .option("--reason <text>", "why, for the audit log", "")
    .addOption(new Option("-o, --output <format>", "output").choices(["compact", "json"]).default("compact"))
    .action(async (kind: string, options: RunOptions, self: Command) => {
      const client = connect(self);
      const session = await client.traces.start.mutate(await specOf(client, kind, options));
      process.stderr.write(`${formatTraceSession(session)}\n`);
      await watch(client, session, options.output === "json");
    });
}

async function specOf(client: Client, kind: string, options: RunOptions): Promise<TraceSpec> {
  const hosts =
    options.host ??
    (await client.hosts.list.query()).hosts.filter((h) => h.state !== "unknown").map((h) => h.name);
  const lease = parseDuration(options.duration);
  if (lease === undefined)
    throw new UsageError(`--duration: “${options.duration}” is not a duration like 60s`);
  const proto = options.protocol === undefined ? null : protocolNumber(options.protocol);
  if (proto === undefined) throw new UsageError(`--protocol: “${options.protocol}” is not known`);
  const [namespace, pod] = options.pod?.includes("/") ? options.pod.split("/") : [null, options.pod];
  const port = (at: number) => (options.port?.[at] === undefined ? null : Number(options.port[at]));
  const spec = TraceSpec.safeParse({
    kind: kind as TraceKind,
    hosts,
    filter: {
      namespace,
      pod,
      container: options.container,
      ipA: options.ip?.[0],
      ipB: options.ip?.[1],
      portA: port(0),
      portB: port(1),
      proto,
    },
    leaseSeconds: Math.round(lease / 1e6),
    rateEps: Number(options.rate),
    reason: options.reason,
  });
  if (!spec.success) throw new UsageError(`the trace is not valid: ${problemsOf(spec.error)}`);
  return spec.data;
}

/** In the words of the flags, one after the other. */
const problemsOf = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => `${FLAG_OF[path.join(".")] ?? path.join(".")}: ${message}`)
    .join("; ");

const FLAG_OF: Record<string, string> = {
  kind: "<kind>",
  "filter.ipA": "--ip",
  "filter.ipB": "--ip",
  "filter.portA": "--port",
  "filter.portB": "--port",
  leaseSeconds: "--duration in seconds",
  rateEps: "--rate",
  reason: "--reason",
};

function watch(client: Client, started: TraceSessionView, json: boolean): Promise<void> {
  const print = (view: TraceEventView) =>
    process.stdout.write(`${json ? JSON.stringify(view) : formatTraceEvent(view)}\n`);
  return new Promise((resolve, reject) => {
    const stop = () => client.traces.stop.mutate({ id: started.id });
    const onInterrupt = () => void stop().catch(reject);
    const stay = beforeLeaving(stop);
    process.once("SIGINT", onInterrupt);
    const subscription = client.traces.watch.subscribe(
      { id: started.id },
      {
        onData: ({ data }) => {
          for (const view of data.events) print(view);
          if (data.notShown > 0) process.stderr.write(`${data.notShown} more events are not shown\n`);
          if (data.session.state !== "done") return;
          const { end, endDetail } = data.session;
          process.stderr.write(
            `ended: ${end ? TRACE_END_TITLE[end] : "done"}${endDetail ? ` (${endDetail})` : ""}\n`,
          );
          process.off("SIGINT", onInterrupt);
          stay();
          subscription.unsubscribe();
          resolve();
        },
        onError: reject,
      },
    );
  });
}

function sessionId(id: string): TraceSessionId {
  const read = TraceSessionId.safeParse(id);
  if (!read.success) throw new UsageError(`“${id}” is not a session's id: see millrace trace list`);
  return read.data;
}
