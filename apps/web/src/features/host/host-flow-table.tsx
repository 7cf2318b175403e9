"use client";
/** Who holds the host's flow table, and how much of it one may: for the host's page. */
import { holderName } from "@millrace/contract/flow-table";
import type { HostDetail } from "@millrace/contract/host";
import { count, percent } from "@millrace/contract/units";
import { Meter } from "@/ui/meter.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { Age } from "./age.tsx";

type Beat = NonNullable<HostDetail["heartbeat"]>;
type Table = NonNullable<Beat["flowTable"]>;

export function HostFlowTable({ heartbeat, atMs }: { heartbeat: Beat; atMs: number | null }) {
  const { flowTable, maps } = heartbeat;
  const map = maps.find(({ name }) => name === "flows");
  return (
    <Section
      title="Flow table"
      note={
        <>
          one endpoint may hold a share, so that the others find room; as of <Age at={atMs} />
        </>
      }
    >
      {map && map.used !== null && (
        <p className="flex items-center gap-3 py-2 text-xs">
          <Meter share={map.used / map.capacity} label="Flow table" className="w-40" />
          <span>
            <Quantity value={count(map.used)} /> of <Quantity value={count(map.capacity)} /> flows (
            <Quantity value={percent(map.used / map.capacity)} />)
          </span>
        </p>
      )}
      {flowTable ? (
        <Holders table={flowTable} />
      ) : (
        <p className="py-2 text-text-2">The agent is too old to tell who holds it.</p>
      )}
    </Section>
  );
}

function Holders({ table: { holders, budget, endpoints } }: { table: Table }) {
  return (
    <>
      <PlainTable
        label="Flow table"
        rows={holders}
        rowKey={(holder) => `${holder.namespace}/${holder.pod} ${holder.interface} ${holder.flows}`}
        empty="No endpoint holds a flow."
        columns={[
          { title: "Endpoint", cell: (holder) => holderName(holder) },
          {
            title: "Of its share",
            className: "w-40",
            cell: ({ flows }) => (
              <span className="flex items-center gap-2 pt-0.5">
                <Meter share={flows / budget} label="Of its share" className="grow" />
                <Quantity value={percent(flows / budget)} />
              </span>
            ),
          },
          { title: "Flows", align: "right", cell: ({ flows }) => <Quantity value={count(flows)} /> },
          { title: "Share", align: "right", cell: () => <Quantity value={count(budget)} /> },
        ]}
      />
      {endpoints > holders.length && (
        <p className="py-1 text-text-3">
          and <Quantity value={count(endpoints - holders.length)} /> more that hold fewer
        </p>
      )}
    </>
  );
}
