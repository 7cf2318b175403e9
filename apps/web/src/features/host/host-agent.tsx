"use client";
/** The agent itself: its cost, its spool, its lives, everything it counts. */
import type { HostDetail } from "@millrace/contract/host";
import { bytes, count, percent } from "@millrace/contract/units";
import type { ReactNode } from "react";
import { spanText } from "@/ui/instant.ts";
import { Meter } from "@/ui/meter.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { Age } from "./age.tsx";

export function HostAgent({ detail }: { detail: HostDetail }) {
  const { summary, heartbeat } = detail;
  return (
    <div className="grid gap-x-8 gap-y-6 lg:grid-cols-2">
      <Section title="Its own cost">
        <Facts
          facts={[
            [
              "CPU",
              <Quantity key="c" value={summary.cpuShare === null ? null : percent(summary.cpuShare)} />,
            ],
            [
              "Resident memory",
              <Quantity
                key="m"
                value={summary.residentBytes === null ? null : bytes(summary.residentBytes)}
              />,
            ],
            [
              "Up for",
              <span key="u" className="figure">
                {heartbeat ? spanText(heartbeat.uptimeS * 1000) : "–"}
              </span>,
            ],
            ["Enrolled", <TimeText key="e" at={detail.enrolledAtMs} as="day" />],
          ]}
        />
      </Section>
      <Section title="Spool" note="what waits while the control plane is away">
        {heartbeat ? (
          <Spool spool={heartbeat.spool} />
        ) : (
          <p className="py-2 text-text-3">Not known: no heartbeat.</p>
        )}
      </Section>
      <Section title="Incarnations" note="each life of the agent's spool">
        <PlainTable
          label="Incarnations"
          rows={detail.incarnations}
          rowKey={(life) => life.incarnation}
          empty="None yet."
          columns={[
            { title: "Started", cell: (life) => <TimeText at={life.startedAtMs} as="day" /> },
            { title: "Agent", cell: (life) => <span className="figure">{life.agentVersion}</span> },
            {
              title: "Batches",
              align: "right",
              cell: (life) => <Quantity value={count(life.lastSequence)} />,
            },
            {
              title: "Id",
              cell: (life) => <span className="figure text-text-3">{life.incarnation.slice(0, 8)}</span>,
            },
          ]}
        />
      </Section>
      <Section title="Counters" note="since the agent started">
        <PlainTable
          label="Counters"
          rows={Object.entries(heartbeat?.counters ?? {}).sort(([a], [b]) => a.localeCompare(b, "en"))}
          rowKey={([name]) => name}
          empty="None were reported."
          columns={[
            { title: "Counter", cell: ([name]) => <span className="figure">{name}</span> },
            { title: "Value", align: "right", cell: ([, value]) => <Quantity value={count(value)} /> },
          ]}
        />
      </Section>
    </div>
  );
}

function Facts({ facts }: { facts: readonly [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 py-2 text-xs">
      {facts.map(([title, value]) => (
        <div key={title} className="contents">
          <dt className="text-text-2">{title}</dt>
          <dd className="text-right">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Spool({ spool }: { spool: NonNullable<HostDetail["heartbeat"]>["spool"] }) {
  return (
    <div className="py-2">
      <Meter share={spool.limitBytes > 0 ? spool.bytes / spool.limitBytes : 0} label="Fill of the spool" />
      <Facts
        facts={[
          ["Batches waiting", <Quantity key="b" value={count(spool.batches)} />],
          [
            "Size",
            <span key="s">
              <Quantity value={bytes(spool.bytes)} /> of <Quantity value={bytes(spool.limitBytes)} />
            </span>,
          ],
          ["Oldest", spool.oldestMs === null ? "nothing waits" : <Age key="o" at={spool.oldestMs} />],
        ]}
      />
    </div>
  );
}
