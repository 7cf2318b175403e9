"use client";
/** Hosts by state: a bar with glyphs and numbers, leading to the fleet. */
import type { Overview } from "@millrace/contract/overview";
import Link from "next/link";

import { HOST_STATE, HOST_STATE_ORDER } from "@/view/state-mark.tsx";
import { useHref } from "@/view/url-state.ts";

export function HostTile({ hosts }: { hosts: Overview["hosts"] }) {
  const link = useHref();
  const all = HOST_STATE_ORDER.reduce((sum, state) => sum + hosts[state], 0);
  return (
    <Link href={link("/hosts")} className="flex min-w-0 flex-col gap-1 px-4 py-3 hover:bg-surface-1">
      <span className="text-xs text-text-2">Hosts</span>
      <span className="figure text-xl">{all}</span>
      <span className="flex flex-wrap gap-x-3 text-xs">
        {HOST_STATE_ORDER.filter((state) => hosts[state] > 0).map((state) => (
          <span key={state} className={HOST_STATE[state].look}>
            <span aria-hidden>{HOST_STATE[state].glyph}</span> <span className="figure">{hosts[state]}</span>{" "}
            {HOST_STATE[state].title}
          </span>
        ))}
      </span>
    </Link>
  );
}
