"use client";
/** What was counted: each direction, each observer, and what was dropped on the way. */
import type { FlowDetail, FlowRow } from "@millrace/contract/flow";
import { bytes, count, microseconds } from "@millrace/contract/units";
import Link from "next/link";
import type { ReactNode } from "react";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { useHref } from "@/view/url-state.ts";
import { asymmetries, flagsText } from "./flow-format.ts";

const HEAD = "py-1 text-left font-normal text-text-3";
const CELL = "py-1 pr-2";

function Counts(props: { rows: readonly { title: ReactNode; key: string; at: FlowRow["forward"] }[] }) {
  return (
    <table className="w-full">
      <thead>
        <tr>
          <th scope="col" className={HEAD}>
            <span className="sr-only">Direction</span>
          </th>
          <th
            scope="col"
            className={`${HEAD} text-right`}
            title="The kernel's buffers: offloads may put several wire segments into one"
          >
            Packets
          </th>
          <th scope="col" className={`${HEAD} text-right`} title="As on the wire">
            Segments
          </th>
          <th scope="col" className={`${HEAD} text-right`}>
            Bytes
          </th>
        </tr>
      </thead>
      <tbody>
        {props.rows.map(({ title, key, at }) => (
          <tr key={key} className="border-t border-line">
            <th scope="row" className={`${CELL} text-left font-normal`}>
              {title}
            </th>
            <td className="text-right">
              <Quantity value={count(at.packets)} />
            </td>
            <td className="text-right">
              <Quantity value={count(at.segments)} />
            </td>
            <td className="text-right">
              <Quantity value={bytes(at.bytes)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function FlowTransport({ row }: { row: FlowRow }) {
  const facts: [string, ReactNode][] = [];
  if (row.tcpState !== "none") {
    facts.push(["TCP state", row.tcpState]);
    facts.push([
      "Flags sent",
      <span key="f" className="figure">
        {flagsText(row.forward.tcpFlags)}
      </span>,
    ]);
    facts.push([
      "Flags received",
      <span key="r" className="figure">
        {flagsText(row.reverse.tcpFlags)}
      </span>,
    ]);
  }
  if (row.rttUs !== null) facts.push(["RTT, smoothed", <Quantity key="s" value={microseconds(row.rttUs)} />]);
  if (row.rttMinUs !== null)
    facts.push(["RTT, least", <Quantity key="m" value={microseconds(row.rttMinUs)} />]);
  facts.push(["Retransmitted", <Quantity key="t" value={count(row.retransmits)} />]);
  if (row.vlan)
    facts.push([
      "VLAN",
      <span key="v" className="figure">
        {row.vlan}
      </span>,
    ]);
  return (
    <Section title="Counted">
      <Counts
        rows={[
          { key: "forward", title: "source → destination", at: row.forward },
          { key: "reverse", title: "destination → source", at: row.reverse },
        ]}
      />
      <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 border-t border-line pt-2">
        {facts.map(([title, value]) => (
          <div key={title} className="contents">
            <dt className="text-text-3">{title}</dt>
            <dd className="text-right">{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

const JOINED = {
  single: "One host reported it; no other observer of it is known.",
  tuple: "Both ends reported it under the same addresses.",
  conntrack: "A NAT lies between the ends; their hosts' connection tracking told which two belong together.",
  opening:
    "A NAT lies between the ends; the opening's sequence number, which it leaves alone, told which two belong together.",
} as const;

export function FlowObservers({ detail }: { detail: FlowDetail }) {
  const link = useHref();
  const gaps = asymmetries(detail.observers);
  return (
    <Section title="Who saw it">
      <p className="py-1 text-text-2">{JOINED[detail.row.join]} Sums above take one observer.</p>
      {detail.observers.map((observer) => {
        const host = observer.observers[0]?.host ?? "unknown";
        const side = observer.observers[0]?.side ?? "unknown";
        return (
          <div key={observer.id} className="mt-1">
            <p className="flex justify-between">
              <Link href={link(`/hosts/${host}`)} className="figure text-accent hover:underline">
                {host}
              </Link>
              <span className="text-text-3">{side === "unknown" ? "side not known" : `at the ${side}`}</span>
            </p>
            <Counts
              rows={[
                { key: "f", title: "→", at: observer.forward },
                { key: "r", title: "←", at: observer.reverse },
              ]}
            />
          </div>
        );
      })}
      {gaps?.map(({ direction, sent, received }) => (
        <p key={direction} className={sent === received ? "mt-1 text-text-3" : "mt-1 text-warn"}>
          {direction === "forward" ? "→" : "←"}{" "}
          {sent === received
            ? "both ends counted the same segments"
            : sent > received
              ? `${sent - received} segments left one end and were not seen at the other`
              : `${received - sent} segments more arrived than were seen leaving (one end began to look later)`}
        </p>
      ))}
    </Section>
  );
}

export function FlowDrops({ detail }: { detail: FlowDetail }) {
  const link = useHref();
  if (detail.drops.length === 0) return null;
  return (
    <Section title="Drops it met">
      <ul>
        {detail.drops.map((drop) => (
          <li key={drop.reason + drop.place} className="flex flex-col border-b border-line py-1">
            <span className="flex justify-between gap-3">
              <Link
                href={link("/drops", { reason: drop.reason })}
                className="figure text-dropped hover:underline"
              >
                ✕ {drop.reason}
              </Link>
              <Quantity value={count(drop.packets)} />
            </span>
            <span className="flex justify-between gap-3 text-text-3">
              <span className="figure truncate">{drop.place}</span>
              <span>
                <TimeText at={drop.firstSeen} /> – <TimeText at={drop.lastSeen} />
              </span>
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
