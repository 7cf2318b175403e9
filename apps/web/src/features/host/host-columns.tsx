"use client";
/** The columns of the fleet's table. */
import type { HostSummary } from "@millrace/contract/host";
import { bytes, bytesPerSecond, percent, perSecond } from "@millrace/contract/units";
import Link from "next/link";
import { Meter } from "@/ui/meter.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import { SimulatedBadge } from "@/view/simulated-badge.tsx";
import { StateMark } from "@/view/state-mark.tsx";
import { Age } from "./age.tsx";

export const HOST_COLUMNS: readonly TableColumn<HostSummary>[] = [
  {
    id: "name",
    title: "Host",
    width: 140,
    grow: 2,
    sort: "name",
    cell: (host) => (
      <span className="flex min-w-0 items-center gap-2">
        <Link href={`/hosts/${host.name}`} className="figure truncate text-accent hover:underline">
          {host.name}
        </Link>
        {host.simulated && <SimulatedBadge />}
      </span>
    ),
  },
  { id: "state", title: "State", width: 96, sort: "state", cell: (host) => <StateMark state={host.state} /> },
  {
    id: "why",
    title: "Why",
    width: 150,
    grow: 3,
    cell: (host) => (
      <span className="truncate text-text-2" title={host.reasons.join("\n")}>
        {host.reasons.join(" · ")}
      </span>
    ),
  },
  {
    id: "pods",
    title: "Pods",
    width: 64,
    align: "right",
    sort: "pods",
    cell: (host) => <span className="figure">{host.pods}</span>,
  },
  {
    id: "bytes",
    title: "Traffic",
    width: 92,
    align: "right",
    sort: "bytes",
    cell: (host) => <Quantity value={bytesPerSecond(host.bytesPerSecond)} />,
  },
  {
    id: "flows",
    title: "New flows",
    width: 88,
    align: "right",
    sort: "flows",
    cell: (host) => <Quantity value={perSecond(host.flowsPerSecond)} />,
  },
  {
    id: "drops",
    title: "Drops",
    width: 84,
    align: "right",
    sort: "drops",
    cell: (host) => (
      <Quantity
        value={perSecond(host.dropsPerSecond)}
        className={host.dropsPerSecond > 0 ? "text-dropped" : "text-text-3"}
      />
    ),
  },
  {
    id: "table",
    title: "Flow table",
    help: "How full the kernel's flow table is. When it is full, packets are counted without a flow.",
    width: 110,
    sort: "table",
    cell: (host) =>
      host.flowTableShare === null ? (
        <span className="text-text-3">–</span>
      ) : (
        <span className="flex w-full items-center gap-2">
          <Meter share={host.flowTableShare} label="Flow table" className="grow" />
          <Quantity value={percent(host.flowTableShare)} />
        </span>
      ),
  },
  {
    id: "cpu",
    title: "Agent CPU",
    help: "The agent's share of one core",
    width: 84,
    align: "right",
    sort: "cpu",
    cell: (host) => <Quantity value={host.cpuShare === null ? null : percent(host.cpuShare)} />,
  },
  {
    id: "memory",
    title: "Memory",
    help: "Resident memory of the agent",
    width: 84,
    align: "right",
    sort: "memory",
    cell: (host) => <Quantity value={host.residentBytes === null ? null : bytes(host.residentBytes)} />,
  },
  {
    id: "kernel",
    title: "Kernel",
    width: 110,
    grow: 1,
    cell: (host) => <span className="figure truncate">{host.kernel}</span>,
  },
  {
    id: "version",
    title: "Agent",
    width: 84,
    cell: (host) => <span className="figure">{host.agentVersion}</span>,
  },
  { id: "mode", title: "Mode", width: 84, hidden: true, cell: (host) => host.mode },
  { id: "seen", title: "Last seen", width: 96, sort: "seen", cell: (host) => <Age at={host.lastSeenMs} /> },
];
