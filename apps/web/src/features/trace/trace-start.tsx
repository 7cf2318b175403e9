"use client";
/** What the trace will do and where it can run, asked of the hosts' own reports; and the button. */
import type { TracePreview, TraceSpec } from "@millrace/contract/trace";
import { count, text } from "@millrace/contract/units";
import { keepPreviousData, skipToken, useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useDeferredValue } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Section } from "@/ui/section.tsx";
import { showToast } from "@/ui/toast.tsx";
import { problemOf } from "@/view/problem.ts";
import { useRefusal } from "@/view/session.ts";
import { effectText } from "./trace-format.ts";
import type { ReadWish } from "./trace-wish.ts";

export function TraceStart({ read }: { read: ReadWish }) {
  const trpc = useTRPC();
  const router = useRouter();
  const role = useRefusal("traces.start");
  const spec = useDeferredValue(read.ok ? read.spec : null);
  const preview = useQuery(
    trpc.traces.preview.queryOptions(spec && role === null ? spec : skipToken, {
      placeholderData: keepPreviousData,
      retry: false,
    }),
  );
  const start = useMutation(
    trpc.traces.start.mutationOptions({
      onSuccess: (session) => router.push(`/traces/${session.id}`),
      onError: (error) => {
        const { title, advice } = problemOf(error);
        showToast({ tone: "failed", text: `Not started: ${title}`, detail: advice });
      },
    }),
  );
  const refusal = role ?? refusalOf(read, preview.data);
  return (
    <Section title="What it will do">
      <div className="flex flex-col gap-3 pt-3">
        {spec ? <p>{effectText(spec)}</p> : <p className="text-text-3">Something is missing on the left.</p>}
        {spec && preview.data && <PreviewDetail preview={preview.data} spec={spec} />}
        {preview.error && <p className="text-xs text-warn">No preview: {problemOf(preview.error).title}</p>}
        <Button
          variant="primary"
          refusal={refusal}
          busy={start.isPending}
          onClick={() => read.ok && start.mutate(read.spec)}
        >
          {spec ? startText(spec, preview.data) : "Start"}
        </Button>
        {refusal && <p className="text-xs text-text-2">{refusal}</p>}
      </div>
    </Section>
  );
}

export function startText(spec: TraceSpec, preview: TracePreview | undefined): string {
  const all = spec.hosts.length;
  const able = preview?.hosts.filter((host) => host.online && host.able).length ?? all;
  const hosts = all === 1 ? "host" : "hosts";
  return able === all ? `Start on ${all} ${hosts}` : `Start on ${able} of ${all} ${hosts}`;
}

export function refusalOf(read: ReadWish, preview: TracePreview | undefined): string | null {
  if (!read.ok) return Object.values(read.problems)[0] ?? "The form isn't complete";
  if (preview && !preview.hosts.some((host) => host.online && host.able))
    return "None of the chosen hosts can take part";
  return null;
}

function PreviewDetail({ preview, spec }: { preview: TracePreview; spec: TraceSpec }) {
  const narrowed = Boolean(spec.filter.pod || spec.filter.namespace || spec.filter.container);
  return (
    <div className="flex flex-col gap-2 text-xs">
      {narrowed && (
        <p className={preview.matchingPods === 0 ? "text-warn" : "text-text-2"}>
          {preview.matchingPods === 0
            ? "▲ No pod matches now; one that starts later will."
            : `${preview.matchingPods} pods match now.`}
        </p>
      )}
      {preview.recentEventsPerSecond !== null && (
        <p className={preview.recentEventsPerSecond > spec.rateEps ? "text-warn" : "text-text-2"}>
          Lately about {text(count(preview.recentEventsPerSecond))} such events a second
          {preview.recentEventsPerSecond > spec.rateEps &&
            ": more than its rate, so some would be counted but not shown"}
          .
        </p>
      )}
      <ul className="flex max-h-40 flex-col gap-1 overflow-auto">
        {preview.hosts.map((host) => (
          <li key={host.host} className="flex gap-2">
            <span className={host.online && host.able ? "text-ok" : "text-warn"}>
              {host.online && host.able ? "✓" : "✕"}
              <span className="sr-only">{host.online && host.able ? "can" : "can't"}</span>
            </span>
            <span className="figure">{host.host}</span>
            <span className="text-text-2">{host.reason ?? (host.online ? "" : "is silent")}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
