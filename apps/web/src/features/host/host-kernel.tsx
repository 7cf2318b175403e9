"use client";
/** What the kernel can do and what is loaded into it: capabilities with reasons, programs, maps. */
import type { HostDetail } from "@millrace/contract/host";
import { bytes, count, microseconds, percent } from "@millrace/contract/units";
import { Meter } from "@/ui/meter.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";

export function HostKernel({ detail }: { detail: HostDetail }) {
  const { summary, architecture, cpus, memoryBytes, bootId } = detail;
  return (
    <div className="flex flex-col gap-6">
      <p className="text-text-2">
        <span className="figure">{summary.kernel}</span> on <span className="figure">{architecture}</span>,{" "}
        <span className="figure">{cpus}</span> CPUs, <Quantity value={bytes(memoryBytes)} /> of memory. Boot{" "}
        <span className="figure">{bootId}</span>.
      </p>
      <Section title="Capabilities" note="each probed when the agent started">
        <PlainTable
          label="Capabilities"
          rows={[...detail.capabilities].sort((a, b) => Number(a.supported) - Number(b.supported))}
          rowKey={(capability) => capability.name}
          empty="None were reported."
          columns={[
            { title: "Capability", cell: (one) => <span className="figure">{one.name}</span> },
            {
              title: "Here",
              cell: (one) =>
                one.supported ? (
                  <span className="text-ok">✓ yes</span>
                ) : (
                  <span className="text-warn">✕ no</span>
                ),
            },
            { title: "Why not, and what then", className: "text-text-2", cell: (one) => one.reason ?? "" },
          ]}
        />
      </Section>
      <Programs detail={detail} />
      <Maps detail={detail} />
    </div>
  );
}

function Programs({ detail }: { detail: HostDetail }) {
  return (
    <Section
      title="Programs"
      note={
        detail.heartbeat?.network
          ? "some of them carry the pods' packets"
          : "they always pass on to the next one: no packet is held or changed"
      }
    >
      <PlainTable
        label="Programs"
        rows={detail.heartbeat?.programs ?? []}
        rowKey={(program) => String(program.id)}
        empty="None are loaded, or the agent has sent no heartbeat."
        columns={[
          { title: "Program", cell: (one) => <span className="figure">{one.name}</span> },
          {
            title: "Id",
            align: "right",
            cell: (one) => <span className="figure text-text-3">{one.id}</span>,
          },
          { title: "Type", cell: (one) => one.type },
          {
            title: "Attached",
            align: "right",
            help: "At how many places",
            cell: (one) => <span className="figure">{one.attachments}</span>,
          },
          {
            title: "Instructions",
            align: "right",
            help: "As many as the verifier walked through",
            cell: (one) => <Quantity value={count(one.verifiedInstructions)} />,
          },
          {
            title: "Runs",
            align: "right",
            cell: (one) => <Quantity value={one.runCount === null ? null : count(one.runCount)} />,
          },
          {
            title: "Time a run",
            align: "right",
            help: "Only measured where the kernel's BPF statistics are on",
            cell: (one) => (
              <Quantity
                value={one.runNs && one.runCount ? microseconds(one.runNs / one.runCount / 1000) : null}
              />
            ),
          },
        ]}
      />
    </Section>
  );
}

function Maps({ detail }: { detail: HostDetail }) {
  return (
    <Section title="Maps">
      <PlainTable
        label="Maps"
        rows={detail.heartbeat?.maps ?? []}
        rowKey={(map) => map.name}
        empty="None are loaded, or the agent has sent no heartbeat."
        columns={[
          { title: "Map", cell: (map) => <span className="figure">{map.name}</span> },
          { title: "Type", cell: (map) => map.type },
          {
            title: "Fill",
            className: "w-40",
            cell: (map) =>
              map.used === null ? (
                <span className="text-text-3">not counted</span>
              ) : (
                <span className="flex items-center gap-2 pt-0.5">
                  <Meter share={map.used / map.capacity} label={`Fill of ${map.name}`} className="grow" />
                  <Quantity value={percent(map.used / map.capacity)} />
                </span>
              ),
          },
          {
            title: "Used",
            align: "right",
            cell: (map) => <Quantity value={map.used === null ? null : count(map.used)} />,
          },
          { title: "Capacity", align: "right", cell: (map) => <Quantity value={count(map.capacity)} /> },
          { title: "Memory", align: "right", cell: (map) => <Quantity value={bytes(map.bytes)} /> },
        ]}
      />
    </Section>
  );
}
