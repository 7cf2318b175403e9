"use client";
import type { Completeness } from "@millrace/contract/flow";
/** How complete what is shown is; opens into which hosts are silent and what was lost. */
import { bytes, count, percent, text } from "@millrace/contract/units";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { classNames } from "@/ui/class-names.ts";
import { Popover } from "@/ui/popover.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { useNow } from "@/view/clock.tsx";
import { useReportedCompleteness } from "@/view/completeness-store.ts";
import { useHref, useView } from "@/view/url-state.ts";

/** Below these the chip changes its look: a missing host is worth a glance, a tenth of the data a stop. */
const WARN_BELOW = 0.999;
const BAD_BELOW = 0.9;

export function CompletenessChip() {
  const reported = useReportedCompleteness();
  const { range } = useView();
  const trpc = useTRPC();
  const asked = useQuery(
    trpc.overview.get.queryOptions(
      { range },
      { enabled: reported === null, placeholderData: keepPreviousData },
    ),
  );
  const shown = reported ?? asked.data?.completeness ?? null;
  const share = shown ? percent(shown.share) : null;
  const tone = !shown
    ? "text-text-3"
    : shown.share < BAD_BELOW
      ? "text-bad"
      : shown.share < WARN_BELOW
        ? "text-warn"
        : "";
  const glyph = !shown ? "○" : shown.share < BAD_BELOW ? "◔" : shown.share < WARN_BELOW ? "◕" : "●";
  return (
    <Popover
      label="Completeness"
      className="w-96"
      trigger={
        <Button
          variant="quiet"
          className={classNames("figure w-20 justify-center px-1 text-xs", tone)}
          aria-label={`Completeness ${share ? text(share) : "unknown"}`}
        >
          <span aria-hidden>{glyph}</span>
          {share ? text(share) : "–"}
        </Button>
      }
    >
      {shown ? <CompletenessDetail completeness={shown} /> : <p>How complete the data is isn't known yet.</p>}
    </Popover>
  );
}

function CompletenessDetail({ completeness: c }: { completeness: Completeness }) {
  const now = useNow();
  const link = useHref();
  const nothing = c.lost.length === 0 && c.silentHosts.length === 0 && c.unattributed.packets === 0;
  return (
    <div className="flex flex-col gap-3 text-xs">
      <p className="text-sm">
        {c.hostsAnswered} of {c.hostsExpected} hosts reported all the time shown;{" "}
        <b>{text(percent(c.share))}</b> of what should have come is here.
      </p>
      {c.silentHosts.length > 0 && (
        <Part title="Silent hosts">
          {c.silentHosts.map((silent) => (
            <li key={silent.host} className="flex justify-between gap-4">
              <Link className="figure text-accent hover:underline" href={link(`/hosts/${silent.host}`)}>
                {silent.host}
              </Link>
              <span className="text-text-2">
                {silent.since === null ? "never reported" : <TimeText at={silent.since} as="age" now={now} />}
              </span>
            </li>
          ))}
        </Part>
      )}
      {c.lost.length > 0 && (
        <Part title="Lost, and counted">
          {c.lost.map((loss) => (
            <li key={loss.host + loss.what} className="flex justify-between gap-4">
              <span>
                {loss.what} <span className="text-text-3">on</span>{" "}
                <span className="figure">{loss.host}</span>
              </span>
              <span className="figure">{text(count(loss.count))}</span>
            </li>
          ))}
        </Part>
      )}
      {c.unattributed.packets > 0 && (
        <p className="text-text-2">
          {text(count(c.unattributed.packets))} packets ({text(bytes(c.unattributed.bytes))}) were counted on
          their interface but belong to no flow: the flow table was full.
        </p>
      )}
      {nothing && <p className="text-text-2">Nothing is known to be missing.</p>}
    </div>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <div>
      <h3 className="mb-1 text-text-3">{title}</h3>
      <ul className="flex max-h-48 flex-col gap-1 overflow-auto">{children}</ul>
    </div>
  );
}
