"use client";
/** The edges as a table: for reading figures, for the keyboard and for screen readers. */
import type { FlowMap } from "@millrace/contract/map";
import type { MapMeasure } from "@millrace/contract/map-choice";
import { useRouter } from "next/navigation";
import { useQueryStates } from "nuqs";
import { useState } from "react";
import { DataTable } from "@/ui/data-table.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { EDGE_COLUMNS, type EdgeRow } from "./edge-columns.tsx";
import { type EdgeSort, mapParams } from "./map-params.ts";
import { type MapView, type NodeView, sortedEdges, touches } from "./map-view.ts";
import { useEdgeLinks } from "./use-edge-links.ts";

type MapTableProps = { map: FlowMap; view: MapView; measure: MapMeasure; focus: NodeView | null };

export function MapTable({ map, view, measure, focus }: MapTableProps) {
  const [{ sort: wanted }, set] = useQueryStates(mapParams);
  const [selected, setSelected] = useState<string | null>(null);
  const links = useEdgeLinks(map.by, measure);
  const router = useRouter();
  const sort = wanted ?? { key: measure, descending: true };
  const columns = useColumns("map", EDGE_COLUMNS);
  const near = focus ? view.edges.filter((edge) => touches(edge, focus.id)) : view.edges;
  const rows = sortedEdges(near, sort).map(
    (edge): EdgeRow => ({ ...edge, by: map.by, seconds: map.seconds, href: links.edge(edge) }),
  );
  return (
    <DataTable
      label="Edges"
      columns={columns}
      rows={rows}
      rowKey={(edge) => edge.id}
      sort={sort}
      onSort={(key) =>
        void set({ sort: { key: key as EdgeSort, descending: sort.key === key && !sort.descending } })
      }
      selected={selected}
      onSelect={(edge) => setSelected(edge.id)}
      onOpen={({ href }) => href && router.push(href)}
    />
  );
}
