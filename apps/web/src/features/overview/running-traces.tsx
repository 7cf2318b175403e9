"use client";
/** Traces that run now: something is attached in somebody's kernel, so it is said on the first page. */
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/trpc/client.tsx";
import { spanText } from "@/ui/instant.ts";
import { Section } from "@/ui/section.tsx";
import { useNow } from "@/view/clock.tsx";
import { problemOf } from "@/view/problem.ts";
import { TRACE_SESSION_TITLE } from "@/view/trace-words.ts";

export function RunningTraces() {
  const trpc = useTRPC();
  const now = useNow();
  const query = useQuery(trpc.traces.list.queryOptions({}, { refetchInterval: 5000 }));
  const running = (query.data?.sessions ?? []).filter((session) => session.state !== "done");
  if (query.error)
    return (
      <Section title="Running traces">
        <p className="py-2 text-xs text-warn">◔ Not known: {problemOf(query.error).title}.</p>
      </Section>
    );
  if (running.length === 0) return null;
  return (
    <Section title="Running traces" note={String(running.length)}>
      <ul className="text-xs">
        {running.map((session) => (
          <li key={session.id} className="flex gap-3 border-b border-line py-1.5">
            <Link href={`/traces/${session.id}`} className="text-accent hover:underline">
              {session.spec.kind}
            </Link>
            <span className="grow truncate text-text-2">
              {TRACE_SESSION_TITLE[session.state]} on {session.spec.hosts.length}{" "}
              {session.spec.hosts.length === 1 ? "host" : "hosts"} by {session.author}
            </span>
            <span className="figure text-text-3">
              {spanText(Math.max(0, session.leaseEndsAt - now))} left
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
