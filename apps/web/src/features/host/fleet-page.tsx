"use client";
/** Which hosts, in what state? All of them as squares, and as a table. */
import type { HostSummary } from "@millrace/contract/host";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { ColumnMenu } from "@/ui/column-menu.tsx";
import { DataTable } from "@/ui/data-table.tsx";
import { inputLook } from "@/ui/field.tsx";
import { Notice } from "@/ui/notice.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { Answer } from "@/view/answer.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { HOST_STATE, HOST_STATE_ORDER } from "@/view/state-mark.tsx";
import { useHref } from "@/view/url-state.ts";
import { HOST_COLUMNS } from "./host-columns.tsx";
import { HostGrid } from "./host-grid.tsx";
import { arrangeHosts } from "./host-order.ts";
import { fleetParams, GRID_COLORS, type GridColor, type HostSort } from "./host-params.ts";
import { HostTiles } from "./host-tiles.tsx";

const REFRESH_MS = 5000;
/** So many can be shown by name; more become squares. */
const TILES_TO = 60;
const hostKey = (host: HostSummary): string => host.name;

export function FleetPage() {
  const trpc = useTRPC();
  const query = useQuery(trpc.hosts.list.queryOptions(undefined, { refetchInterval: REFRESH_MS }));
  return (
    <div className="flex h-full min-h-0 flex-col">
      {!query.data && <PageHead title="Fleet" />}
      <Answer query={query} skeleton={<SkeletonRows rows={12} label="Loading hosts" />}>
        {({ hosts }) => (hosts.length === 0 ? <NoHosts /> : <FleetBody hosts={hosts} />)}
      </Answer>
    </div>
  );
}

function FleetBody({ hosts }: { hosts: readonly HostSummary[] }) {
  const [{ color, sort, find, host }, set] = useQueryStates(fleetParams);
  const columns = useColumns("hosts", HOST_COLUMNS);
  const router = useRouter();
  const link = useHref();
  const shown = useMemo(() => arrangeHosts(hosts, find, sort), [hosts, find, sort]);
  const go = (name: string) => router.push(link(`/hosts/${name}`));
  return (
    <>
      <PageHead
        title="Fleet"
        summary={<States hosts={hosts} />}
        actions={
          <>
            <input
              aria-label="Find hosts"
              placeholder="Name, kernel, state"
              className={`${inputLook} w-48!`}
              value={find}
              onChange={(event) => void set({ find: event.target.value || null })}
            />
            <ColumnMenu columns={columns} />
          </>
        }
      />
      <div className="max-h-[45%] shrink-0 overflow-auto px-4 pb-2">
        <GridColors color={color} onColor={(next) => void set({ color: next })} />
        {hosts.length > TILES_TO ? (
          <HostGrid hosts={shown} color={color} onGo={go} />
        ) : (
          <HostTiles hosts={shown} color={color} />
        )}
      </div>
      <div className="min-h-60 grow border-t border-line">
        <DataTable
          label="Hosts"
          columns={columns}
          rows={shown}
          rowKey={hostKey}
          sort={sort}
          onSort={(key) =>
            void set({
              sort: {
                key: key as HostSort,
                descending: sort.key === key ? !sort.descending : key !== "name",
              },
            })
          }
          selected={host}
          onSelect={(row) => void set({ host: row.name })}
          onOpen={(row) => go(row.name)}
          empty={
            <Notice title={`None of ${hosts.length} hosts has “${find}” in its name, kernel or state.`} />
          }
        />
      </div>
    </>
  );
}

function States({ hosts }: { hosts: readonly HostSummary[] }) {
  return (
    <span className="flex gap-4">
      {HOST_STATE_ORDER.map((state) => {
        const n = hosts.filter((host) => host.state === state).length;
        if (n === 0) return null;
        return (
          <span key={state} className={HOST_STATE[state].look}>
            <span aria-hidden>{HOST_STATE[state].glyph}</span> <span className="figure">{n}</span>{" "}
            {HOST_STATE[state].title}
          </span>
        );
      })}
    </span>
  );
}

function GridColors(props: { color: GridColor; onColor: (color: GridColor) => void }) {
  return (
    <fieldset className="mb-1.5 flex items-center gap-1 text-xs">
      <legend className="float-left mr-2 text-text-3">Coloured by</legend>
      {GRID_COLORS.map((color) => (
        <button
          key={color}
          type="button"
          aria-pressed={props.color === color}
          onClick={() => props.onColor(color)}
          className={`h-6 rounded px-2 ${props.color === color ? "bg-accent-soft" : "hover:bg-surface-2"}`}
        >
          {color}
        </button>
      ))}
    </fieldset>
  );
}

function NoHosts() {
  return (
    <>
      <PageHead title="Fleet" />
      <Notice
        title="No host has an agent yet."
        actions={
          <Link href="/settings?tab=agents" className={buttonLook("primary")}>
            Add a host
          </Link>
        }
      >
        Make an enrolment token and run the command it comes with on the host, as root.
      </Notice>
    </>
  );
}
