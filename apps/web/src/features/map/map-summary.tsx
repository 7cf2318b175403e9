"use client";
/** The answer in a line: how much there is, and what of it isn't drawn. */
import type { FlowMap } from "@millrace/contract/map";
import { grouped, percent, text } from "@millrace/contract/units";
import { useQueryStates } from "nuqs";
import { TimeText } from "@/ui/time-text.tsx";
import { mapParams } from "./map-params.ts";
import { GROUP_WORD, MEASURE } from "./map-words.ts";

const plural = (n: number, { one, many }: { one: string; many: string }): string =>
  `${grouped(n)} ${n === 1 ? one : many}`;

const OWN = { service: ["service", "pod"], namespace: ["namespace"], host: ["host"] } as const;

/** What the edges that aren't drawn come to, of all. */
export function restText({ edges, rest }: FlowMap, measure: "bytes" | "opened" | "drops"): string | null {
  if (rest.edges === 0) return null;
  const drawn = edges.reduce((sum, edge) => sum + edge[measure], 0);
  const all = drawn + rest[measure];
  const share =
    all > 0 ? `, ${text(percent(rest[measure] / all))} of ${MEASURE[measure].title.toLowerCase()}` : "";
  return `${plural(rest.edges, { one: "smaller edge", many: "smaller edges" })} not drawn${share}`;
}

export function MapSummary({ map }: { map: FlowMap }) {
  const [{ measure }] = useQueryStates(mapParams);
  const own: readonly string[] = OWN[map.by];
  const rest = restText(map, measure);
  return (
    <span className="flex flex-wrap gap-x-3">
      <span>
        {plural(map.nodes.filter(({ kind }) => own.includes(kind)).length, GROUP_WORD[map.by])},{" "}
        {plural(map.edges.length, { one: "edge", many: "edges" })}
      </span>
      {rest && <span className="text-warn">▲ {rest}</span>}
      {map.since !== null && (
        <span
          className="text-warn"
          title="Only flows themselves can tell this, and the whole time holds more than can be summed up in a moment"
        >
          ◔ only since <TimeText at={map.since} />
        </span>
      )}
    </span>
  );
}
