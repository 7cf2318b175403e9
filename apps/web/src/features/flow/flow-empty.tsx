"use client";
/** No flows, and why: the filter, silent hosts, nothing enrolled, or a time before the data begins. */
import { parseFilter } from "@millrace/contract/filter";
import type { FlowSearchOutput } from "@millrace/contract/flow";
import { count, grouped, text } from "@millrace/contract/units";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useQueryStates } from "nuqs";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { fullText } from "@/ui/instant.ts";
import { Notice } from "@/ui/notice.tsx";
import { LIVE, type Range, rangePhrase, type TimeChoice } from "@/view/time-range.ts";
import { useView } from "@/view/url-state.ts";
import { flowParams } from "./flow-params.ts";

/** Each term of the filter, and the filter without it. */
export function withoutEach(filter: string): { term: string; rest: string }[] {
  return parseFilter(filter).terms.map(({ start, end }) => ({
    term: filter.slice(start, end),
    rest: `${filter.slice(0, start)}${filter.slice(end)}`.replace(/\s+/g, " ").trim(),
  }));
}

const MOST_PROBES = 6;
const MINUTE_MS = 60_000;
/** Live, the time moves on every few seconds; several questions needn't. */
function probed(choice: TimeChoice, { from, to }: Range): Range {
  if (choice.kind !== "live") return { from, to };
  return { from: from - (from % MINUTE_MS), to: to - (to % MINUTE_MS) };
}

export function FlowEmpty({ range, answer }: { range: Range; answer: FlowSearchOutput }) {
  const { filter } = useView();
  if (answer.orderedFrom !== null) return <NotOrdered />;
  return filter ? (
    <FilteredAway range={range} filter={filter} />
  ) : (
    <NothingSeen range={range} answer={answer} />
  );
}

function NotOrdered() {
  const [, set] = useQueryStates(flowParams);
  return (
    <Notice
      title="The time is too long to be put in this order."
      actions={<Button onClick={() => void set({ sort: null })}>Order by last seen</Button>}
    >
      Whether flows match isn't known yet: only the newest part was looked at. A shorter time helps as well.
    </Notice>
  );
}

function FilteredAway({ range, filter }: { range: Range; filter: string }) {
  const { choice, setFilter } = useView();
  const trpc = useTRPC();
  const terms = withoutEach(filter);
  const probe = (text: string) =>
    trpc.flows.search.queryOptions(
      { range: probed(choice, range), filter: text, limit: 1 },
      { staleTime: 30_000, retry: false },
    );
  const all = useQuery({ ...probe(""), placeholderData: keepPreviousData }).data?.matched;
  const single = terms.length > 1 ? terms.slice(0, MOST_PROBES) : [];
  const found = useQueries({ queries: single.map(({ rest }) => probe(rest)) });
  const culprits = single
    .map((term, at) => ({ ...term, matched: found[at]?.data?.matched.count ?? 0 }))
    .filter((term) => term.matched > 0);
  const total = all ? `${all.capped ? "at least " : ""}${grouped(all.count)}` : "the flows";
  return (
    <Notice
      title={
        <>
          No flows: the filter matches none of {total} {rangePhrase(choice)}.
        </>
      }
      actions={
        <>
          {culprits.map(({ term, rest }) => (
            <Button key={term} onClick={() => setFilter(rest)}>
              Clear <span className="figure">{term}</span>
            </Button>
          ))}
          <Button onClick={() => setFilter("")}>
            {terms.length === 1 ? (
              <>
                Clear <span className="figure">{filter}</span>
              </>
            ) : (
              "Clear the whole filter"
            )}
          </Button>
        </>
      }
    >
      {culprits.map(({ term, matched }) => (
        <p key={term}>
          Without <span className="figure">{term}</span> it would match {text(count(matched))}.
        </p>
      ))}
    </Notice>
  );
}

function NothingSeen({ range, answer }: { range: Range; answer: FlowSearchOutput }) {
  const { choice, setChoice } = useView();
  const trpc = useTRPC();
  const kept = useQuery(trpc.retention.get.queryOptions()).data;
  const isLive = choice.kind === "live";
  const now = useQuery(
    trpc.overview.get.queryOptions({ range }, { enabled: isLive, placeholderData: keepPreviousData }),
  ).data?.completeness;
  const { hostsExpected, hostsAnswered, silentHosts } = (isLive && now) || answer.completeness;
  const fleet = useQuery(trpc.hosts.list.queryOptions()).data?.hosts.length;
  if (fleet === 0)
    return (
      <Notice
        title="No flows: no host has an agent yet."
        actions={
          <Link href="/settings?tab=agents" className={buttonLook("primary")}>
            Add a host
          </Link>
        }
      >
        An agent on a host counts its containers' flows and reports them here within seconds.
      </Notice>
    );
  if (kept?.oldestMs && range.to <= kept.oldestMs)
    return (
      <Notice
        title="No flows: this is before the data begins."
        actions={<Button onClick={() => setChoice(LIVE)}>Show now</Button>}
      >
        The oldest flow that is kept is of {fullText(kept.oldestMs)}; {kept.settings.rawDays} days are kept at
        most.
      </Notice>
    );
  if (hostsExpected > 0 && hostsAnswered === 0)
    return (
      <Notice
        tone="bad"
        title={`No flows: ${hostsExpected === 1 ? "the only host is" : `all ${hostsExpected} hosts are`} silent.`}
        actions={
          <Link href="/hosts" className={buttonLook()}>
            Look at the hosts
          </Link>
        }
      >
        Their containers' traffic goes on, and what agents counted meanwhile arrives when they are back.
      </Notice>
    );
  return (
    <Notice title={`No flows ${rangePhrase(choice)}.`}>
      {hostsAnswered} of {hostsExpected} hosts reported and saw no packet of a container.
      {silentHosts.length > 0 && ` Silent: ${silentHosts.map((s) => s.host).join(", ")}.`}
    </Notice>
  );
}
