"use client";
/** The columns of the flow table. Which of them are shown is the reader's choice. */
import { askedName, askedText } from "@millrace/contract/asked-service";
import type { AskedService, End, FlowRow } from "@millrace/contract/flow";
import { ruleText } from "@millrace/contract/rule-number";
import { bytes, count, microseconds } from "@millrace/contract/units";
import { pathTierOf, protocolName } from "@millrace/contract/verdict";
import { spanText } from "@/ui/instant.ts";
import { Quantity } from "@/ui/quantity.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import { TimeText } from "@/ui/time-text.tsx";
import { endAddress, endName, endTerm, hasPorts } from "@/view/end-name.ts";
import { TierMark } from "@/view/tier-mark.tsx";
import { VerdictMark } from "@/view/verdict-mark.tsx";
import { lasted, totalBytes, totalPackets } from "./flow-sum.ts";
import { ServiceMark } from "./service-mark.tsx";
import { TranslationMark } from "./translation-mark.tsx";

const KIND_NOTE: Partial<Record<End["kind"], string>> = {
  external: "outside the fleet",
  host: "a host of the fleet",
  unknown: "not known",
};

function EndCell({ end, proto, port }: { end: End; proto: number; port?: boolean }) {
  const name = endName(end);
  const note = KIND_NOTE[end.kind];
  const at = hasPorts(proto) ? end : { ip: end.ip, port: 0 };
  const shownPort = port && at.port > 0 ? `:${at.port}` : "";
  return (
    <span className="flex min-w-0 items-baseline gap-2" title={end.unknown ?? note}>
      <span
        className={
          end.pod || end.service ? "max-w-full shrink-0 truncate" : "figure max-w-full shrink-0 truncate"
        }
      >
        {name}
        <span className="figure text-text-2">{shownPort}</span>
      </span>
      {name !== end.ip && (
        <span className="figure min-w-0 truncate text-2xs text-text-3">
          {shownPort ? end.ip : endAddress(at)}
        </span>
      )}
    </span>
  );
}

const NOTHING = <span className="text-text-3">–</span>;

function RuleCell({ rules }: { rules: FlowRow["rules"] }) {
  if (rules.length === 0) return NOTHING;
  return (
    <span className="figure truncate">
      {rules.map((rule) => `${ruleText(rule)} r${rule.revision}`).join(", ")}
    </span>
  );
}

function askedTerm(asked: AskedService | null): { field: string; value: string } | null {
  if (!asked) return null;
  const name = askedName(asked);
  return name === null
    ? { field: "service.address", value: asked.ip }
    : { field: "dst.service", value: name };
}

const number = (n: number, dim = n === 0) => (
  <Quantity value={count(n)} className={dim ? "text-text-3" : undefined} />
);

export const FLOW_COLUMNS: readonly TableColumn<FlowRow>[] = [
  {
    id: "time",
    title: "Last seen",
    help: "When a packet of it was last seen. While live, new flows come on top and known ones stay in place.",
    width: 112,
    sort: "lastSeen",
    cell: (row) => <TimeText at={row.lastSeen} as="fine" />,
  },
  {
    id: "opened",
    title: "First seen",
    width: 112,
    hidden: true,
    sort: "firstSeen",
    cell: (row) => <TimeText at={row.firstSeen} as="fine" />,
  },
  {
    id: "source",
    title: "Source",
    help: "Who opened the flow",
    width: 180,
    grow: 3,
    cell: (row) => <EndCell end={row.src} proto={row.proto} />,
    term: (row) => endTerm(row.src, "src"),
  },
  {
    id: "destination",
    title: "→ Destination",
    width: 190,
    grow: 3,
    cell: (row) => (
      <span className="flex min-w-0 items-baseline gap-2">
        <EndCell end={row.dst} proto={row.proto} port />
        <ServiceMark row={row} />
        <TranslationMark row={row} />
      </span>
    ),
    term: (row) => endTerm(row.dst, "dst"),
  },
  {
    id: "service",
    title: "Service",
    help: "What the source asked for, where that was a service",
    width: 190,
    hidden: true,
    cell: (row) => (row.asked ? <span className="figure truncate">{askedText(row.asked)}</span> : NOTHING),
    term: (row) => askedTerm(row.asked),
  },
  {
    id: "proto",
    title: "Proto",
    width: 60,
    cell: (row) => protocolName(row.proto),
    term: (row) => ({ field: "proto", value: protocolName(row.proto) }),
  },
  {
    id: "verdict",
    title: "Verdict",
    width: 196,
    grow: 1,
    cell: (row) => <VerdictMark verdict={row.verdict} reason={row.dropReason} />,
    term: (row) =>
      row.dropReason ? { field: "reason", value: row.dropReason } : { field: "verdict", value: row.verdict },
  },
  {
    id: "tier",
    title: "Tier",
    help: "The path tier that carried most of its packets, where Millrace carries them",
    width: 64,
    cell: (row) => <TierMark of={row.pathTiers} />,
    term: (row) => (row.pathTiers ? { field: "tier", value: pathTierOf(row.pathTiers) } : null),
  },
  {
    id: "way",
    title: "Way",
    help: "Where Millrace sent it: into a pod of the same host, to another host directly or in an overlay, to the host itself",
    width: 70,
    hidden: true,
    cell: (row) => (row.way === "none" ? NOTHING : row.way),
    term: (row) => ({ field: "way", value: row.way }),
  },
  {
    id: "rule",
    title: "Rule",
    help: "The policy and its rule that decided, with the policy's revision",
    width: 110,
    hidden: true,
    cell: (row) => <RuleCell rules={row.rules} />,
    term: ({ rules: [rule] }) => (rule ? { field: "rule", value: ruleText(rule) } : null),
  },
  {
    id: "state",
    title: "TCP state",
    width: 96,
    hidden: true,
    cell: (row) => (row.tcpState === "none" ? NOTHING : row.tcpState),
    term: (row) => ({ field: "state", value: row.tcpState }),
  },
  {
    id: "rtt",
    title: "RTT",
    help: "Smoothed round-trip time of TCP, as the socket has it",
    width: 74,
    align: "right",
    sort: "rtt",
    cell: (row) => <Quantity value={row.rttUs === null ? null : microseconds(row.rttUs)} />,
  },
  {
    id: "retransmits",
    title: "Retrans.",
    help: "Segments sent again",
    width: 72,
    align: "right",
    sort: "retransmits",
    cell: (row) => number(row.retransmits),
  },
  {
    id: "drops",
    title: "Drops",
    help: "Packets of it that were dropped",
    width: 70,
    align: "right",
    hidden: true,
    sort: "drops",
    cell: (row) => number(row.drops),
  },
  {
    id: "packets",
    title: "Packets",
    width: 76,
    align: "right",
    hidden: true,
    sort: "packets",
    cell: (row) => number(totalPackets(row), false),
  },
  {
    id: "bytes",
    title: "Bytes",
    help: "Both directions, as on the wire",
    width: 78,
    align: "right",
    sort: "bytes",
    cell: (row) => <Quantity value={bytes(totalBytes(row))} />,
  },
  {
    id: "sent",
    title: "Sent",
    help: "Bytes from source to destination",
    width: 84,
    align: "right",
    hidden: true,
    cell: (row) => <Quantity value={bytes(row.forward.bytes)} />,
  },
  {
    id: "received",
    title: "Received",
    help: "Bytes from destination to source",
    width: 84,
    align: "right",
    hidden: true,
    cell: (row) => <Quantity value={bytes(row.reverse.bytes)} />,
  },
  {
    id: "age",
    title: "Age",
    help: "From its first packet seen to its last",
    width: 84,
    align: "right",
    cell: (row) => <span className="figure text-text-2">{spanText(lasted(row))}</span>,
  },
  {
    id: "observers",
    title: "Seen by",
    help: "Hosts whose agents reported it",
    width: 110,
    hidden: true,
    cell: (row) => <span className="figure truncate">{row.observers.map((o) => o.host).join(", ")}</span>,
  },
  {
    id: "namespaces",
    title: "Namespaces",
    width: 140,
    hidden: true,
    cell: (row) => (
      <span className="truncate">
        {row.src.namespace ?? "–"} → {row.dst.namespace ?? "–"}
      </span>
    ),
  },
  {
    id: "vlan",
    title: "VLAN",
    width: 60,
    align: "right",
    hidden: true,
    cell: (row) => (row.vlan ? number(row.vlan) : NOTHING),
  },
];
