"use client";
/** What depends on what? A drawing of nodes and edges, or the same edges as a table. */
import type { FlowMap } from "@millrace/contract/map";
import { MAP_GROUPS, MAP_MEASURES } from "@millrace/contract/map-choice";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Segments } from "@/ui/segments.tsx";
import { Skeleton } from "@/ui/skeleton.tsx";
import { Answer } from "@/view/answer.tsx";
import { useReportCompleteness } from "@/view/completeness-store.ts";
import { useKept } from "@/view/kept-answer.ts";
import { PageHead } from "@/view/page-head.tsx";
import { useView } from "@/view/url-state.ts";
import { MapEmpty } from "./map-empty.tsx";
import { mapParams } from "./map-params.ts";
import { MapSummary } from "./map-summary.tsx";
import { MapTable } from "./map-table.tsx";
import { viewOf } from "./map-view.ts";
import { GROUP_TITLE, GROUP_WORD, MEASURE, nodeTitle } from "./map-words.ts";

/** What draws the nodes weighs half as much as the page, what places them more than twice. */
const MapGraph = dynamic(() => import("./map-graph.tsx").then((m) => m.MapGraph), {
  ssr: false,
  loading: () => <MapSkeleton />,
});

export function MapPage() {
  const { range, filter, question } = useView();
  const [{ by, measure }] = useQueryStates(mapParams);
  const trpc = useTRPC();
  const query = useKept(
    useQuery(
      trpc.map.get.queryOptions({ range, filter, by, measure }, { placeholderData: keepPreviousData }),
    ),
    `${question}\n${by}\n${measure}`,
  );
  useReportCompleteness(query.error ? undefined : query.data?.completeness);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHead
        title="Map"
        summary={
          query.data && (
            <span className="flex flex-wrap items-center gap-x-4">
              <MapSummary map={query.data} />
              <FocusNote map={query.data} />
            </span>
          )
        }
        actions={<MapChoices />}
      />
      <Answer query={query} skeleton={<MapSkeleton />}>
        {(map) => (map.edges.length === 0 ? <MapEmpty map={map} /> : <MapBody map={map} />)}
      </Answer>
    </div>
  );
}

function MapChoices() {
  const [{ by, measure, view }, set] = useQueryStates(mapParams, { history: "push" });
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
      <Segments
        label="Group by"
        title="By"
        value={by}
        choices={MAP_GROUPS.map((value) => ({ value, title: GROUP_TITLE[value] }))}
        onChoose={(next) => void set({ by: next, node: null })}
      />
      <Segments
        label="Width of edges"
        title="Width"
        value={measure}
        choices={MAP_MEASURES.map((value) => ({ value, title: MEASURE[value].title }))}
        onChoose={(next) => void set({ measure: next })}
      />
      <Segments
        label="Show as"
        value={view}
        choices={[
          { value: "graph", title: "Drawing" },
          { value: "table", title: "Table" },
        ]}
        onChoose={(next) => void set({ view: next })}
      />
    </div>
  );
}

/** In the page's head, where it moves nothing. */
function FocusNote({ map }: { map: FlowMap }) {
  const [{ node: wanted }, set] = useQueryStates(mapParams, { history: "push" });
  if (!wanted) return null;
  const node = map.nodes.find(({ id }) => id === wanted);
  return (
    <span role="status" className="flex items-center gap-2">
      {node
        ? `${nodeTitle(node, map.by)} and its neighbours`
        : `The ${GROUP_WORD[map.by].one} that was chosen isn't on the map now.`}
      <Button size="sm" onClick={() => void set({ node: null })}>
        Show all
      </Button>
    </span>
  );
}

function MapBody({ map }: { map: FlowMap }) {
  const [{ view, node: wanted, measure }, set] = useQueryStates(mapParams, { history: "push" });
  const drawn = useMemo(() => viewOf(map, measure), [map, measure]);
  const node = drawn.nodes.find(({ id }) => id === wanted) ?? null;
  const shared = { map, view: drawn, measure, focus: node };
  return (
    <div className="min-h-80 grow border-t border-line">
      {view === "table" ? (
        <MapTable {...shared} />
      ) : (
        <MapGraph
          {...shared}
          onFocus={(id) => void set({ node: id === wanted ? null : id })}
          onTable={() => void set({ view: "table" })}
        />
      )}
    </div>
  );
}

function MapSkeleton() {
  return (
    <div role="status" aria-label="Loading the map" className="flex h-full items-center gap-24 px-16">
      {[2, 3, 2].map((rows, column) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars have no identity but their place
        <div key={column} className="flex flex-col gap-8">
          {Array.from({ length: rows }, (_, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <Skeleton key={row} className="h-16 w-44 opacity-60" />
          ))}
        </div>
      ))}
    </div>
  );
}
