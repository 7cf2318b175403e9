/** The columns of the table of edges. */
import type { MapNode } from "@millrace/contract/map";
import type { MapGroup, MapMeasure } from "@millrace/contract/map-choice";
import { count, microseconds, percent } from "@millrace/contract/units";
import { PATH_TIER_GLYPH, VERDICT_GLYPH } from "@millrace/contract/verdict";
import Link from "next/link";
import { Quantity } from "@/ui/quantity.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import type { EdgeView } from "./map-view.ts";
import { dropShare, fastShare, nodeNote, nodeTitle, OTHER_NOTE, rateOf } from "./map-words.ts";

/** `href`: to its flows. */
export type EdgeRow = EdgeView & { by: MapGroup; seconds: number; href: string | null };

const rate = (row: EdgeRow, measure: MapMeasure) => <Quantity value={rateOf(row[measure], measure, row)} />;

export const EDGE_COLUMNS: readonly TableColumn<EdgeRow>[] = [
  {
    id: "source",
    title: "Source",
    sort: "source",
    width: 180,
    grow: 2,
    cell: (row) => <NodeName node={row.from} by={row.by} />,
  },
  {
    id: "destination",
    title: "Destination",
    sort: "destination",
    width: 180,
    grow: 2,
    cell: (row) => <NodeName node={row.to} by={row.by} />,
  },
  {
    id: "bytes",
    title: "Bytes",
    help: "Both directions of the flows that the source opened",
    sort: "bytes",
    width: 96,
    align: "right",
    cell: (row) => rate(row, "bytes"),
  },
  {
    id: "opened",
    title: "New flows",
    sort: "opened",
    width: 92,
    align: "right",
    cell: (row) => rate(row, "opened"),
  },
  {
    id: "drops",
    title: "✕ Drops",
    help: "Packets, and their share of all that were seen",
    sort: "drops",
    width: 116,
    align: "right",
    cell: (row) => <Drops of={row} />,
  },
  {
    id: "wouldDrop",
    title: "◐ Would drop",
    help: "Reports that a policy which only observes would have dropped a flow",
    width: 104,
    align: "right",
    cell: ({ wouldDrop }) =>
      wouldDrop === 0 ? (
        <span className="text-text-3">–</span>
      ) : (
        <span className="text-would-drop">
          <span aria-hidden>{VERDICT_GLYPH["would-drop"]}</span> <Quantity value={count(wouldDrop)} />
        </span>
      ),
  },
  {
    id: "rtt",
    title: "RTT, median",
    sort: "rtt",
    width: 100,
    align: "right",
    cell: ({ rttP50Us }) => <Quantity value={rttP50Us === null ? null : microseconds(rttP50Us)} />,
  },
  {
    id: "rttP95",
    title: "RTT, 95 %",
    width: 92,
    align: "right",
    cell: ({ rttP95Us }) => <Quantity value={rttP95Us === null ? null : microseconds(rttP95Us)} />,
  },
  {
    id: "retransmits",
    title: "Retransmitted",
    width: 104,
    align: "right",
    cell: ({ retransmits }) => <Quantity value={count(retransmits)} />,
  },
  {
    id: "fast",
    title: "Fast path",
    help: "Of the packets that Millrace carried",
    width: 84,
    align: "right",
    cell: (row) => <Fast share={fastShare(row)} />,
  },
  {
    id: "flows",
    title: "Flows",
    width: 76,
    cell: ({ href, from, to, by }) =>
      href ? (
        <Link href={href} prefetch={false} className="text-accent hover:underline">
          Flows<span className="sr-only">{` from ${nodeTitle(from, by)} to ${nodeTitle(to, by)}`}</span>
        </Link>
      ) : (
        <span className="text-text-3" title={OTHER_NOTE}>
          –
        </span>
      ),
  },
];

function NodeName({ node, by }: { node: MapNode; by: MapGroup }) {
  return (
    <span className="truncate">
      {nodeTitle(node, by)} <span className="text-2xs text-text-3">{nodeNote(node)}</span>
    </span>
  );
}

function Drops({ of }: { of: EdgeRow }) {
  if (of.drops === 0) return <span className="text-text-3">–</span>;
  return (
    <span className="text-dropped">
      <span aria-hidden>{VERDICT_GLYPH.dropped}</span> <Quantity value={count(of.drops)} />{" "}
      <Quantity value={percent(dropShare(of))} className="text-text-2" />
    </span>
  );
}

function Fast({ share }: { share: number | null }) {
  if (share === null) return <Quantity value={null} />;
  const tier = share > 0.5 ? "fast" : "slow";
  return (
    <span className={tier === "fast" ? "text-fast" : "text-slow"}>
      <span aria-hidden>{PATH_TIER_GLYPH[tier]}</span> <Quantity value={percent(share)} />
    </span>
  );
}
