"use client";
/** What is missing from the data shown: silent hosts, counted losses, packets without a flow. */
import type { Completeness } from "@millrace/contract/flow";
import { bytes, count, percent, text } from "@millrace/contract/units";
import Link from "next/link";
import type { ReactNode } from "react";
import { TimeText } from "@/ui/time-text.tsx";
import { useNow } from "@/view/clock.tsx";
import { useHref } from "@/view/url-state.ts";

export function CompletenessDetail({ completeness: c }: { completeness: Completeness }) {
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

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3 className="mb-1 text-text-3">{title}</h3>
      <ul className="flex max-h-48 flex-col gap-1 overflow-auto">{children}</ul>
    </div>
  );
}
