"use client";
/** Millrace as the host's dataplane: by which device it reaches the others, which addresses are its own, what it knows of the way. */
import type { HostDetail } from "@millrace/contract/host";
import { count, percent } from "@millrace/contract/units";
import Link from "next/link";
import { Meter } from "@/ui/meter.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { HostFlowTable } from "./host-flow-table.tsx";
import { HostPodLinks } from "./host-pod-links.tsx";
import { HostPolicyTables } from "./host-policy-tables.tsx";
import { HostPorts } from "./host-ports.tsx";

type Network = NonNullable<NonNullable<HostDetail["heartbeat"]>["network"]>;

export function HostDataplane({ detail }: { detail: HostDetail }) {
  const { heartbeat, summary } = detail;
  if (!heartbeat) return <p className="py-2 text-text-3">Not known: the agent has sent no heartbeat.</p>;
  if (!heartbeat.network)
    return (
      <div className="flex flex-col gap-6">
        <p className="max-w-xl py-2 text-text-2">
          {summary.mode === "observe"
            ? "The agent observes beside another network plugin: it carries no packet, and only counts flows."
            : "The agent carries this host's packets, and is too old to tell about it."}
        </p>
        <HostFlowTable heartbeat={heartbeat} atMs={summary.lastSeenMs} />
      </div>
    );
  return (
    <div className="grid items-start gap-x-8 gap-y-6 lg:grid-cols-2">
      <div className="flex flex-col gap-6">
        <Uplink uplink={heartbeat.network.uplink} mode={summary.mode} />
        <HostPodLinks links={heartbeat.network.podLinks} />
        <Blocks network={heartbeat.network} />
        <HostPorts ports={heartbeat.network.hostPorts} />
        <HostFlowTable heartbeat={heartbeat} atMs={summary.lastSeenMs} />
      </div>
      <div className="flex flex-col gap-6">
        <Ways counters={heartbeat.counters} />
        <HostPolicyTables counters={heartbeat.counters} />
      </div>
    </div>
  );
}

function Uplink({ uplink, mode }: { uplink: Network["uplink"]; mode: string }) {
  return (
    <Section title="Uplink" note="the device to the other hosts">
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 py-2 text-xs">
        <dt className="text-text-2">Mode</dt>
        <dd className="text-right">{mode}</dd>
        <dt className="text-text-2">Device</dt>
        <dd className="figure text-right">{uplink.interface}</dd>
        <dt className="text-text-2">Addresses</dt>
        <dd className="figure text-right">{uplink.addresses.join(" ") || "none"}</dd>
        <dt className="text-text-2">MTU</dt>
        <dd className="text-right">
          <Quantity value={{ value: String(uplink.mtu), unit: "B" }} />
        </dd>
        <dt className="text-text-2">Tunnel port</dt>
        <dd className="figure text-right">{uplink.tunnelPort}</dd>
      </dl>
    </Section>
  );
}

function Blocks({ network: { blocks, addresses } }: { network: Network }) {
  const { used, total } = addresses;
  return (
    <Section
      title="Its blocks"
      note="the addresses that it may give to pods"
      actions={
        <Link href="/settings?tab=network" className="text-xs text-accent hover:underline">
          All pools
        </Link>
      }
    >
      {total > 0 && (
        <p className="flex items-center gap-3 py-2 text-xs">
          <Meter share={used / total} label="Addresses in use" className="w-40" />
          <span>
            <Quantity value={count(used)} /> of <Quantity value={count(total)} /> addresses in use (
            <Quantity value={percent(used / total)} />)
          </span>
        </p>
      )}
      <PlainTable
        label="Blocks"
        rows={blocks}
        rowKey={(block) => `${block.pool}${block.prefix4}${block.prefix6}`}
        empty="None is leased to it: no pod can get an address. Is there a pool?"
        columns={[
          { title: "Pool", cell: (block) => block.pool },
          { title: "Between hosts", cell: (block) => block.mode ?? "not known" },
          { title: "IPv4", cell: (block) => <span className="figure">{block.prefix4 ?? "–"}</span> },
          { title: "IPv6", cell: (block) => <span className="figure">{block.prefix6 ?? "–"}</span> },
        ]}
      />
    </Section>
  );
}

/** Names of the agent's counters, with what they mean to people, in this order. */
const WAYS: Readonly<Record<string, { title: string; isLoss?: boolean }>> = {
  "network.routes": { title: "Ways to pods of other hosts, known now" },
  "network.taken": { title: "Packets that came up to ask for their way" },
  "network.putBack": { title: "of those sent on, their way known" },
  "network.absent": { title: "given up: nobody has the address", isLoss: true },
  "network.late": { title: "given up: no answer in time", isLoss: true },
  "network.overflowed": { title: "given up: too many waited", isLoss: true },
  "network.failed": { title: "given up: not readable, or not taken back", isLoss: true },
  "network.forged": { title: "given up: in a tunnel of another host than its sender's", isLoss: true },
  "network.hostsRefused": { title: "Hosts that relay from their node ports and found no room", isLoss: true },
  "kernel.not_masqueraded": {
    title: "Decisions to send to the outside as it is: by another device, or a protocol without ports",
  },
  "kernel.relayed": { title: "Packets that came to a node port here, sent on to another host's pod" },
  "kernel.relayed_back": { title: "Answers of such pods, sent on to who had come" },
  "network.translations": { title: "Flows to the outside under this host's address, now" },
  "network.orphanTranslations": { title: "Entries of such flows that outlived them, removed" },
};
const PREFIX = "network.";

function Ways({ counters }: { counters: Record<string, number> }) {
  const known = Object.keys(WAYS).filter((name) => name in counters);
  const others = Object.keys(counters).filter((name) => name.startsWith(PREFIX));
  const rows = [...new Set([...known, ...others])].map((name) => ({ name, value: counters[name] ?? 0 }));
  return (
    <Section
      title="Ways"
      note="a way is asked for when a pod first sends there; counted since the agent started"
    >
      <PlainTable
        label="Ways"
        rows={rows}
        rowKey={(row) => row.name}
        empty="None were reported."
        columns={[
          { title: "What", cell: ({ name }) => WAYS[name]?.title ?? name.slice(PREFIX.length) },
          {
            title: "How many",
            align: "right",
            cell: ({ name, value }) => (
              <Quantity
                value={count(value)}
                className={WAYS[name]?.isLoss && value > 0 ? "text-warn" : undefined}
              />
            ),
          },
        ]}
      />
    </Section>
  );
}
