"use client";
/** A fleet small enough to be shown by name: a tile a host, coloured like the squares of a large one. */
import type { HostSummary } from "@millrace/contract/host";
import { bytesPerSecond, perSecond } from "@millrace/contract/units";
import Link from "next/link";
import { Quantity } from "@/ui/quantity.tsx";
import { SimulatedBadge } from "@/view/simulated-badge.tsx";
import { StateMark } from "@/view/state-mark.tsx";
import { useHref } from "@/view/url-state.ts";
import { paintOf } from "./host-order.ts";
import type { GridColor } from "./host-params.ts";

export function HostTiles({ hosts, color }: { hosts: readonly HostSummary[]; color: GridColor }) {
  const link = useHref();
  return (
    <ul className="grid grid-cols-[repeat(auto-fill,minmax(210px,1fr))] gap-2">
      {hosts.map((host) => {
        const { token, alpha } = paintOf(host, color);
        return (
          <li key={host.name}>
            <Link
              href={link(`/hosts/${host.name}`)}
              title={host.reasons.join("\n") || undefined}
              className="flex h-full gap-3 rounded-md border border-line p-2 hover:bg-surface-1"
            >
              <span
                aria-hidden
                className="w-1 shrink-0 rounded-full"
                style={{ background: `var(${token})`, opacity: alpha }}
              />
              <span className="flex min-w-0 grow flex-col gap-0.5 text-xs">
                <span className="flex items-center gap-2">
                  <span className="figure truncate text-sm">{host.name}</span>
                  {host.simulated && <SimulatedBadge />}
                  <span className="ml-auto">
                    <StateMark state={host.state} />
                  </span>
                </span>
                <span className="flex gap-3 text-text-2">
                  <Quantity value={bytesPerSecond(host.bytesPerSecond)} />
                  <span>
                    <Quantity value={perSecond(host.flowsPerSecond)} /> flows
                  </span>
                  {host.dropsPerSecond > 0 && (
                    <span className="text-dropped">
                      ✕ <Quantity value={perSecond(host.dropsPerSecond)} />
                    </span>
                  )}
                </span>
                <span className="truncate text-text-3">{host.reasons[0] ?? `${host.pods} pods`}</span>
              </span>
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
