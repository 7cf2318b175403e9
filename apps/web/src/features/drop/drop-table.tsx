"use client";
/** The tree as a table: reasons; under the chosen one its places in the kernel and the ends they hit. */
import { bytes, count } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";
import Link from "next/link";
import { Badge } from "@/ui/badge.tsx";
import { classNames } from "@/ui/class-names.ts";
import { Quantity } from "@/ui/quantity.tsx";
import { Spark } from "@/ui/spark.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { COLOR } from "@/ui/tokens.ts";
import { endAddress } from "@/view/end-name.ts";
import { useHref } from "@/view/url-state.ts";
import type { DropEndpoint, DropPlace, DropReason } from "./drop-tree.ts";

const HEAD = "h-7 px-2 text-left font-normal whitespace-nowrap text-text-2";
const MOST_ENDPOINTS = 6;

type DropTableProps = {
  tree: readonly DropReason[];
  chosen: string;
  onChoose: (reason: string) => void;
};

export function DropTable({ tree, chosen, onChoose }: DropTableProps) {
  return (
    <table className="w-full text-xs" aria-label="Drops by reason, place and ends">
      <thead>
        <tr className="border-b border-line">
          <th scope="col" className={classNames(HEAD, "pl-4")}>
            Reason → place → ends
          </th>
          <th scope="col" className={classNames(HEAD, "text-right")}>
            Packets
          </th>
          <th scope="col" className={classNames(HEAD, "text-right max-sm:hidden")}>
            Bytes
          </th>
          <th scope="col" className={HEAD}>
            Trend
          </th>
          <th scope="col" className={classNames(HEAD, "max-sm:hidden")}>
            First seen
          </th>
          <th scope="col" className={classNames(HEAD, "max-sm:hidden")}>
            Last seen
          </th>
          <th scope="col" className={classNames(HEAD, "max-sm:hidden")}>
            Hosts
          </th>
        </tr>
      </thead>
      {tree.map((node) => (
        <tbody key={node.reason}>
          <ReasonRow node={node} open={node.reason === chosen} onChoose={() => onChoose(node.reason)} />
          {node.reason === chosen && node.places.map((place) => <PlaceRows key={place.key} place={place} />)}
        </tbody>
      ))}
    </table>
  );
}

function ReasonRow({ node, open, onChoose }: { node: DropReason; open: boolean; onChoose: () => void }) {
  const ordinary = node.class === "ordinary";
  return (
    <tr
      onClick={onChoose}
      className={classNames(
        "h-8 cursor-pointer border-b border-line",
        open ? "bg-accent-soft" : "hover:bg-surface-1",
      )}
    >
      <td className="pr-2 pl-4">
        <button type="button" aria-expanded={open} className="flex min-h-6 items-center gap-2 text-left">
          <span aria-hidden className="w-3 text-text-3">
            {open ? "▾" : "▸"}
          </span>
          <span className={classNames("figure", ordinary ? "text-text-2" : "text-dropped")}>
            {!ordinary && <span aria-hidden>✕ </span>}
            {node.reason}
          </span>
          {ordinary && <Badge>ordinary end</Badge>}
        </button>
      </td>
      <Figures node={node} />
      <td className="figure px-2 max-sm:hidden">
        {node.hosts.length > 2 ? node.hosts.length : node.hosts.join(", ")}
      </td>
    </tr>
  );
}

function Figures({
  node,
}: {
  node: Pick<DropReason, "reason" | "class" | "packets" | "bytes" | "line" | "firstSeen" | "lastSeen">;
}) {
  return (
    <>
      <td className="px-2 text-right">
        <Quantity value={count(node.packets)} />
      </td>
      <td className="px-2 text-right max-sm:hidden">
        <Quantity value={bytes(node.bytes)} />
      </td>
      <td className="px-2">
        <Spark
          points={node.line}
          label={`Trend of ${node.reason}`}
          color={node.class === "loss" ? COLOR.dropped : undefined}
        />
      </td>
      <td className="px-2 max-sm:hidden">
        <TimeText at={node.firstSeen} />
      </td>
      <td className="px-2 max-sm:hidden">
        <TimeText at={node.lastSeen} />
      </td>
    </>
  );
}

function PlaceRows({ place }: { place: DropPlace }) {
  const link = useHref();
  const rest = place.endpoints.length - MOST_ENDPOINTS;
  return (
    <>
      <tr className="h-7 border-b border-line bg-surface-1">
        <td className="pr-2 pl-9">
          <span className="figure">{place.place}</span>
        </td>
        <Figures node={place} />
        <td className="px-2 max-sm:hidden">
          <Link href={link(`/hosts/${place.host}`)} className="figure text-accent hover:underline">
            {place.host}
          </Link>
        </td>
      </tr>
      {place.endpoints.slice(0, MOST_ENDPOINTS).map((end) => (
        <EndpointRow
          key={[end.src, end.dst, end.dstPort, end.proto].join()}
          end={end}
          reason={place.reason}
        />
      ))}
      {rest > 0 && (
        <tr className="h-7 border-b border-line text-text-3">
          <td colSpan={7} className="pl-14">
            and {rest} more pairs
          </td>
        </tr>
      )}
    </>
  );
}

/** The filter that finds these flows again. */
export function endpointFilter(end: DropEndpoint, reason: string): string {
  const src = end.srcService ? `src.service=${end.srcService}` : `src.ip=${end.src}`;
  const dst = end.dstService ? `dst.service=${end.dstService}` : `dst.ip=${end.dst}`;
  const port = end.dstPort > 0 ? ` dst.port=${end.dstPort}` : "";
  return `${src} ${dst}${port} reason=${reason}`;
}

function EndpointRow({ end, reason }: { end: DropEndpoint; reason: string }) {
  const link = useHref();
  return (
    <tr className="h-7 border-b border-line">
      <td className="pr-2 pl-14">
        <Link
          href={link("/flows", { q: endpointFilter(end, reason) })}
          className="hover:text-accent hover:underline"
        >
          {end.srcService ?? <span className="figure">{end.src}</span>}
          <span className="text-text-3"> → </span>
          {end.dstService ? (
            <>
              {end.dstService}
              {end.dstPort > 0 && <span className="figure text-text-2">:{end.dstPort}</span>}
            </>
          ) : (
            <span className="figure">{endAddress({ ip: end.dst, port: end.dstPort })}</span>
          )}
        </Link>
        <span className="ml-2 text-text-3">{protocolName(end.proto)}</span>
      </td>
      <td className="px-2 text-right">
        <Quantity value={count(end.packets)} />
      </td>
      <td colSpan={5} />
    </tr>
  );
}
