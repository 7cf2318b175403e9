/** The traces of this host, given what they need of the agent's other parts. */
import type { TraceKind } from "@millrace/contract/trace-kind";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { EndpointReconciler } from "../endpoint/reconcile.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { Traces, type TracesOptions } from "./traces.ts";

export type HostTracesOptions = Pick<TracesOptions, "dataplane" | "client" | "hostCookie" | "log"> & {
  telemetry: Telemetry;
  reconciler: EndpointReconciler;
};

export function hostTraces({ telemetry, reconciler, ...given }: HostTracesOptions): Traces {
  const { registry, reasons, symbols, clock } = telemetry;
  return new Traces({
    ...given,
    nowMs: Date.now,
    names: {
      ...{ reasons, symbols, wallUs: (ns) => clock.usOf(ns) },
      workload: (cookie, cgroupId, flow) => registry.named(cookie, cgroupId, flow),
    },
    pods: () =>
      reconciler.pods.map((pod) => ({
        pod,
        addresses: reconciler.interfacesOf(pod).flatMap((link) => (link.loopback ? [] : link.addresses)),
      })),
    unable: unableToTrace(given.dataplane),
  });
}

/** Why this kernel can't run a kind of trace. */
function unableToTrace(dataplane: Dataplane): Partial<Record<TraceKind, string>> {
  const tracing = dataplane.capabilities().find(({ name }) => name === "tracing");
  if (!tracing || tracing.supported) return {};
  const why = `this kernel runs no tracing programs: ${tracing.reason ?? "no reason given"}`;
  return { drops: why, connections: why };
}
