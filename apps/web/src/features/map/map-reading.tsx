/** All figures of the edge under the pointer. Always in the same corner, so that nothing jumps after the pointer. */
import type { FlowMap } from "@millrace/contract/map";
import { count, microseconds, percent, type Quantity as Units } from "@millrace/contract/units";
import { Quantity } from "@/ui/quantity.tsx";
import type { EdgeView } from "./map-view.ts";
import { dropShare, fastShare, nodeTitle, rateOf } from "./map-words.ts";

const known = (n: number | null, format: (n: number) => Units): Units | null =>
  n === null ? null : format(n);

export function MapReading({ edge, map }: { edge: EdgeView; map: FlowMap }) {
  const drops = edge.drops > 0;
  return (
    <div className="pointer-events-none absolute top-3 right-4 z-10 w-60 rounded-md border border-line bg-surface-1 px-3 py-2 text-xs shadow-overlay">
      <p className="mb-1 truncate font-medium">
        {nodeTitle(edge.from, map.by)} <span className="text-text-3">→</span> {nodeTitle(edge.to, map.by)}
      </p>
      <dl className="grid grid-cols-[1fr_auto] gap-x-3 gap-y-0.5">
        <Figure term="Bytes" value={rateOf(edge.bytes, "bytes", map)} />
        <Figure term="New flows" value={rateOf(edge.opened, "opened", map)} />
        <Figure term="✕ Dropped packets" value={count(edge.drops)} look={drops ? "text-dropped" : ""} />
        {drops && <Figure term="of all packets" value={percent(dropShare(edge))} look="text-dropped" />}
        {edge.wouldDrop > 0 && (
          <Figure term="◐ Would drop" value={count(edge.wouldDrop)} look="text-would-drop" />
        )}
        <Figure term="RTT, median" value={known(edge.rttP50Us, microseconds)} />
        <Figure term="RTT, 95 %" value={known(edge.rttP95Us, microseconds)} />
        <Figure term="Retransmitted" value={count(edge.retransmits)} />
        <Figure term="On the fast path" value={known(fastShare(edge), percent)} />
      </dl>
    </div>
  );
}

function Figure({ term, value, look }: { term: string; value: Units | null; look?: string }) {
  return (
    <>
      <dt className="text-text-2">{term}</dt>
      <dd className={`text-right ${look ?? ""}`}>
        <Quantity value={value} />
      </dd>
    </>
  );
}
