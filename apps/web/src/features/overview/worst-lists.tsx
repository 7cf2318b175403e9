"use client";
/** The worst five of each: services, reasons, hosts, talkers. Every line leads to what is behind it. */
import type { HostState } from "@millrace/contract/host";
import type { Overview } from "@millrace/contract/overview";
import { bytes, count, microseconds } from "@millrace/contract/units";
import Link from "next/link";
import type { ReactNode } from "react";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { StateMark } from "@/view/state-mark.tsx";
import { useHref } from "@/view/url-state.ts";
import { nameFilter, pairFilter } from "./rollup-filter.ts";

function Line({ href, name, children }: { href: string; name: ReactNode; children: ReactNode }) {
  return (
    <li className="border-b border-line">
      <Link href={href} className="group flex h-7 items-center gap-4 text-xs">
        <span className="min-w-0 grow truncate group-hover:text-accent group-hover:underline">{name}</span>
        {children}
      </Link>
    </li>
  );
}

function List(props: { title: string; note: string; empty: string; children: ReactNode[] }) {
  return (
    <Section title={props.title} note={props.note}>
      {props.children.length === 0 ? (
        <p className="py-2 text-text-3">{props.empty}</p>
      ) : (
        <ul>{props.children}</ul>
      )}
    </Section>
  );
}

const drop = (n: number) =>
  n > 0 ? (
    <span className="text-dropped">
      ✕ <Quantity value={count(n)} />
    </span>
  ) : (
    <Quantity value={count(n)} className="text-text-3" />
  );

export function WorstLists({ worst }: { worst: Overview["worst"] }) {
  const link = useHref();
  return (
    <div className="grid gap-x-8 gap-y-6 sm:grid-cols-2">
      <List
        title="Services"
        note="drops · RTT 99 %"
        empty="No service had drops, retransmits or slow round trips."
      >
        {worst.services.map((service) => (
          <Line
            key={service.name}
            name={service.name}
            href={link("/flows", { q: nameFilter(service.name, ""), sort: "-drops" })}
          >
            {drop(service.drops)}
            <span className="w-16 text-right">
              <Quantity value={service.rttP99Us === null ? null : microseconds(service.rttP99Us)} />
            </span>
          </Line>
        ))}
      </List>
      <List title="Drop reasons" note="packets" empty="Nothing was dropped.">
        {worst.reasons.map(({ reason, packets }) => (
          <Line
            key={reason}
            name={<span className="figure">{reason}</span>}
            href={link("/drops", { reason })}
          >
            {drop(packets)}
          </Line>
        ))}
      </List>
      <List title="Hosts" note="drops · state" empty="No host dropped anything.">
        {worst.hosts.map(({ host, drops, state }) => (
          <Line key={host} name={<span className="figure">{host}</span>} href={link(`/hosts/${host}`)}>
            {drop(drops)}
            <span className="w-20">
              <StateMark state={state as HostState} />
            </span>
          </Line>
        ))}
      </List>
      <List title="Talkers" note="bytes" empty="No traffic was seen.">
        {worst.talkers.map(({ src, dst, bytes: n }) => (
          <Line
            key={`${src}>${dst}`}
            name={
              <>
                {src} <span className="text-text-3">→</span> {dst}
              </>
            }
            href={link("/flows", { q: pairFilter(src, dst), sort: "-bytes" })}
          >
            <Quantity value={bytes(n)} />
          </Line>
        ))}
      </List>
    </div>
  );
}
