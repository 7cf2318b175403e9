"use client";
import dynamic from "next/dynamic";
import { useQueryStates } from "nuqs";
import { useTRPCClient } from "@/trpc/client.tsx";
import { ColumnMenu } from "@/ui/column-menu.tsx";
/** The flows page: what the histogram, the facets, the table and the drawer show is one question. */
import { Icon } from "@/ui/icon.tsx";
import { Popover } from "@/ui/popover.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { useReportCompleteness } from "@/view/completeness-store.ts";
import { ExportMenu } from "@/view/export-menu.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { SimulatedBadge } from "@/view/simulated-badge.tsx";
import { useView } from "@/view/url-state.ts";
import { FLOW_COLUMNS } from "./flow-columns.tsx";
import { flowParams } from "./flow-params.ts";
import { FlowSummary } from "./flow-summary.tsx";
import { FlowTable } from "./flow-table.tsx";
import { useFlowRows } from "./use-flow-rows.ts";

/** Most look at the table first; the drawer comes when a flow is opened. The chart's place is kept for it. */
const FlowHistogram = dynamic(() => import("./flow-histogram.tsx").then((m) => m.FlowHistogram));
const FlowFacets = dynamic(() => import("./flow-facets.tsx").then((m) => m.FlowFacets));
const FlowDrawer = dynamic(() => import("./flow-drawer.tsx").then((m) => m.FlowDrawer));

export function FlowPage() {
  const { choice, range, filter } = useView();
  const [{ sort, flow, open }, set] = useQueryStates(flowParams);
  const flows = useFlowRows({ choice, range, filter, sort });
  const client = useTRPCClient();
  const columns = useColumns("flows", FLOW_COLUMNS);
  // A live table's answer is as old as the page: the chip asks for itself.
  useReportCompleteness(choice.kind === "live" ? undefined : flows.first?.completeness);
  const load = async () => {
    const { flowExport } = await import("./flow-export.ts");
    return flowExport(flows.shown, (ask, signal) => client.flows.search.query(ask, { signal }));
  };
  const simulated = flows.rows.some((row) => row.simulated);
  return (
    <div className="flex h-full min-h-0">
      <div className="flex min-w-0 grow flex-col">
        <PageHead
          title="Flows"
          summary={
            <span className="flex items-center gap-3">
              <FlowSummary flows={flows} />
              {simulated && <SimulatedBadge />}
            </span>
          }
          actions={
            <>
              <span className="md:hidden">
                <FacetButton />
              </span>
              <ColumnMenu columns={columns} />
              <ExportMenu what="flows" load={load} />
            </>
          }
        />
        <div className="min-h-32 px-4 pb-2">
          <FlowHistogram />
        </div>
        <div className="flex min-h-0 grow border-t border-line">
          <div className="w-52 shrink-0 overflow-auto border-r border-line px-2 py-3 max-md:hidden">
            <FlowFacets />
          </div>
          <div className="min-w-0 grow">
            <FlowTable flows={flows} columns={columns} />
          </div>
        </div>
      </div>
      {open && flow && <FlowDrawer id={flow} onClose={() => void set({ open: null })} />}
    </div>
  );
}

function FacetButton() {
  return (
    <Popover
      label="Facets"
      className="w-64"
      button={{
        size: "sm",
        variant: "quiet",
        children: (
          <>
            <Icon name="settings" />
            Facets
          </>
        ),
      }}
    >
      <FlowFacets />
    </Popover>
  );
}
