"use client";
/** How the host is: why it isn't ok, its traffic, drops and the agent's own cost, and what it can't see. */
import type { HostDetail } from "@millrace/contract/host";
import { bytes, bytesPerSecond, count, percent, perSecond } from "@millrace/contract/units";
import { useMemo } from "react";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { TimeChart } from "@/ui/time-chart.tsx";
import type { TimeSeries } from "@/ui/time-series.ts";
import { TimeText } from "@/ui/time-text.tsx";
import { COLOR, SERIES } from "@/ui/tokens.ts";
import { useView } from "@/view/url-state.ts";
import { useMarks } from "@/view/use-marks.ts";

const TRAFFIC: readonly TimeSeries[] = [
  { key: "bytes", title: "bytes", color: SERIES[0], shape: "area", format: bytesPerSecond },
];
const DROPS: readonly TimeSeries[] = [
  { key: "drops", title: "✕ losses", color: COLOR.dropped, shape: "area", format: perSecond },
];
const CPU: readonly TimeSeries[] = [
  { key: "cpuShare", title: "of one core", color: SERIES[2], shape: "line", format: percent },
];
const MEMORY: readonly TimeSeries[] = [
  { key: "residentBytes", title: "resident", color: SERIES[3], shape: "line", format: bytes },
];

export function HostNow({ detail }: { detail: HostDetail }) {
  return (
    <div className="flex flex-col gap-6">
      {detail.summary.reasons.length > 0 && (
        <ul className="flex flex-col gap-1">
          {detail.summary.reasons.map((reason) => (
            <li key={reason} className="text-warn">
              ▲ {reason}
            </li>
          ))}
        </ul>
      )}
      <HostCharts detail={detail} />
      <div className="grid gap-x-8 gap-y-6 lg:grid-cols-2">
        <Losses detail={detail} />
        <Gaps detail={detail} />
      </div>
      <Endpoints detail={detail} />
    </div>
  );
}

const SILENT = { bytes: null, drops: null, cpuShare: null, residentBytes: null };

function HostCharts({ detail }: { detail: HostDetail }) {
  const { range, setSpan } = useView();
  const marks = useMarks(range);
  const { line, gaps, bucketMs } = detail;
  // A bucket that isn't over yet would look like a fall; one without a report is a gap, not a zero.
  const points = useMemo(
    () =>
      line
        .filter((point) => point.at + bucketMs <= range.to)
        .map((point) => {
          const silent = gaps.some((gap) => gap.from <= point.at && point.at < gap.to);
          return silent ? { ...SILENT, at: point.at } : point;
        }),
    [line, gaps, bucketMs, range.to],
  );
  const common = { points, range, bucketMs, gaps, height: 110, marks, sync: "host", onBrush: setSpan };
  return (
    <div className="grid gap-x-8 gap-y-4 lg:grid-cols-2">
      <TimeChart title="Traffic" series={TRAFFIC} {...common} />
      <TimeChart title="Drops" series={DROPS} {...common} />
      <TimeChart title="Agent CPU" series={CPU} {...common} />
      <TimeChart title="Agent memory" series={MEMORY} {...common} />
    </div>
  );
}

function Losses({ detail }: { detail: HostDetail }) {
  return (
    <Section title="Lost, and counted" note="what the agent could not deliver">
      <PlainTable
        label="Losses"
        rows={detail.losses}
        rowKey={(loss) => `${loss.at}${loss.what}`}
        empty="Nothing was lost in the time shown."
        columns={[
          { title: "When", cell: (loss) => <TimeText at={loss.at} as="day" /> },
          { title: "What", cell: (loss) => loss.what },
          { title: "How many", align: "right", cell: (loss) => <Quantity value={count(loss.count)} /> },
        ]}
      />
    </Section>
  );
}

function Gaps({ detail }: { detail: HostDetail }) {
  return (
    <Section title="What it can't see">
      <PlainTable
        label="Gaps"
        rows={detail.heartbeat?.gaps ?? []}
        rowKey={(gap) => gap.what}
        empty={detail.heartbeat ? "No gap is known." : "Not known: the agent has sent no heartbeat."}
        columns={[
          { title: "What", cell: (gap) => gap.what },
          { title: "How many", align: "right", cell: (gap) => <span className="figure">{gap.count}</span> },
          { title: "Why", cell: (gap) => <span className="text-text-2">{gap.why}</span> },
        ]}
      />
    </Section>
  );
}

function Endpoints({ detail }: { detail: HostDetail }) {
  return (
    <Section title="Endpoints" note="what each interface counted, to check the flows by">
      <PlainTable
        label="Endpoints"
        rows={detail.endpoints}
        rowKey={(end) => end.uid}
        empty="No interface of a container was reported in the time shown."
        columns={[
          { title: "Pod", cell: (end) => end.pod ?? <span className="text-text-3">unknown</span> },
          { title: "Interface", cell: (end) => <span className="figure">{end.interface}</span> },
          { title: "Addresses", cell: (end) => <span className="figure">{end.addresses.join(" ")}</span> },
          { title: "Packets", align: "right", cell: (end) => <Quantity value={count(end.totalPackets)} /> },
          { title: "Bytes", align: "right", cell: (end) => <Quantity value={bytes(end.totalBytes)} /> },
          {
            title: "Not IP",
            align: "right",
            help: "ARP and the like: counted, but no flows",
            cell: (end) => <Quantity value={count(end.notIpPackets)} className="text-text-2" />,
          },
          {
            title: "Others'",
            align: "right",
            help: "Received for another link address: a bridge sends frames everywhere until it knows where to",
            cell: (end) => <Quantity value={count(end.otherHostPackets)} className="text-text-2" />,
          },
          {
            title: "Spoofed",
            align: "right",
            help: "Sent with an address that isn't the pod's own, and dropped; only where Millrace carries the packets",
            cell: (end) => (
              <Quantity
                value={count(end.spoofedPackets)}
                className={end.spoofedPackets > 0 ? "text-warn" : "text-text-3"}
              />
            ),
          },
          {
            title: "Over budget",
            align: "right",
            help: "Of flows beyond those that one endpoint may hold: counted, but no flows",
            cell: (end) => (
              <Quantity
                value={count(end.overBudgetPackets)}
                className={end.overBudgetPackets > 0 ? "text-warn" : "text-text-3"}
              />
            ),
          },
          {
            title: "Unattributed",
            align: "right",
            help: "Counted on the interface while the flow table was full",
            cell: (end) => (
              <Quantity
                value={count(end.unattributedPackets)}
                className={end.unattributedPackets > 0 ? "text-warn" : "text-text-3"}
              />
            ),
          },
        ]}
      />
    </Section>
  );
}
