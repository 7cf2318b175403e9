"use client";
/** Where pods get their addresses: pools, and which host holds which blocks of them. Loaded when it is opened. */
import type { HeldBlocks, HeldBlocksView, PoolView } from "@millrace/contract/pool";
import { count, percent, text } from "@millrace/contract/units";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Confirm } from "@/ui/confirm.tsx";
import { Meter } from "@/ui/meter.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { showToast } from "@/ui/toast.tsx";
import { Answer } from "@/view/answer.tsx";
import { useNow } from "@/view/clock.tsx";
import { problemOf } from "@/view/problem.ts";
import { useRefusal } from "@/view/session.ts";
import { addressText, blockCount, heldBy } from "./held-blocks.ts";

export function NetworkPanel() {
  const trpc = useTRPC();
  const pools = useQuery(trpc.pools.list.queryOptions());
  const held = useQuery(trpc.network.blocks.queryOptions());
  return (
    <div className="flex flex-col gap-8">
      <Section title="Pools" note="what pods' addresses are taken from">
        <Answer query={pools} skeleton={<SkeletonRows rows={2} label="Loading pools" />}>
          {(list) => <PoolTable pools={list} />}
        </Answer>
      </Section>
      <Section title="Blocks by host" note="a block is one host's until a person releases it">
        <Answer query={held} skeleton={<SkeletonRows rows={4} label="Loading blocks" />}>
          {(view) => <HeldTable view={view} />}
        </Answer>
      </Section>
    </div>
  );
}

function PoolTable({ pools }: { pools: readonly PoolView[] }) {
  return (
    <PlainTable
      label="Pools"
      rows={pools}
      rowKey={(pool) => pool.name}
      empty="There is no pool: hosts that carry their pods' packets have no addresses to give. Observing needs none."
      columns={[
        { title: "Pool", cell: (pool) => pool.name },
        {
          title: "Between hosts",
          help: "direct: as they are, by the network between the hosts; overlay: in an outer header",
          cell: (pool) => pool.mode,
        },
        { title: "IPv4", cell: (pool) => <span className="figure">{pool.prefix4 ?? "–"}</span> },
        { title: "IPv6", cell: (pool) => <span className="figure">{pool.prefix6 ?? "–"}</span> },
        { title: "Blocks given out", className: "w-56", cell: (pool) => <Given pool={pool} /> },
        {
          title: "Quarantined",
          align: "right",
          help: "Blocks of hosts that are silent",
          cell: ({ blocks }) => (
            <Quantity
              value={count(blocks.quarantined)}
              className={blocks.quarantined > 0 ? "text-warn" : "text-text-3"}
            />
          ),
        },
        {
          title: "Addresses in use",
          align: "right",
          cell: ({ addressesUsed }) => (
            <Quantity value={count(Math.max(addressesUsed.ip4, addressesUsed.ip6))} />
          ),
        },
        { title: "Made", cell: (pool) => <TimeText at={pool.createdAtMs} as="day" /> },
      ]}
    />
  );
}

function Given({ pool: { name, blocks } }: { pool: PoolView }) {
  const given = blocks.leased + blocks.quarantined;
  const share = blocks.total > 0 ? given / blocks.total : 0;
  return (
    <span className="flex items-center gap-2">
      <Meter share={share} label={`Blocks of ${name} given out`} className="grow" />
      <span className="whitespace-nowrap">
        <Quantity value={count(given)} /> of <Quantity value={count(blocks.total)} /> (
        <Quantity value={percent(share)} />)
      </span>
    </span>
  );
}

function HeldTable({ view: { held, more } }: { view: HeldBlocksView }) {
  const now = useNow(5000);
  const role = useRefusal("network.release");
  const [releasing, setReleasing] = useState<string | null>(null);
  return (
    <>
      <PlainTable
        label="Blocks by host"
        rows={held}
        rowKey={(row) => `${row.host}/${row.pool}/${row.state}`}
        empty="No host holds a block: none has asked for one yet."
        columns={[
          {
            title: "Host",
            cell: (row) => (
              <Link href={`/hosts/${row.host}?tab=dataplane`} className="figure text-accent hover:underline">
                {row.host}
              </Link>
            ),
          },
          { title: "State", cell: (row) => <BlockState state={row.state} /> },
          { title: "Pool", cell: (row) => row.pool },
          { title: "Blocks", cell: (row) => <span className="figure">{addressText(row)}</span> },
          { title: "Endpoints", align: "right", cell: (row) => <Quantity value={count(row.endpoints)} /> },
          { title: "Heard with them", cell: (row) => <TimeText at={row.confirmedAtMs} as="age" now={now} /> },
          {
            title: "Actions",
            hideTitle: true,
            align: "right",
            cell: (row) => (
              <Button
                size="sm"
                refusal={
                  role ??
                  (row.state === "quarantined" ? null : "Its host is heard: its pods have these addresses")
                }
                onClick={() => setReleasing(row.host)}
              >
                Release
              </Button>
            ),
          },
        ]}
      />
      {more > 0 && <p className="py-2 text-text-3">{text(count(more))} more are not listed.</p>}
      <Release host={releasing} held={held} onClose={() => setReleasing(null)} />
    </>
  );
}

function BlockState({ state }: { state: HeldBlocks["state"] }) {
  return state === "leased" ? (
    <span className="text-ok">✓ leased</span>
  ) : (
    <span
      className="text-warn"
      title="Its host is silent. Its pods may go on without its agent: nobody else gets these addresses"
    >
      ⊘ quarantined
    </span>
  );
}

type ReleaseProps = { host: string | null; held: readonly HeldBlocks[]; onClose: () => void };

/** All that the host holds goes, of whichever pool. */
function Release({ host, held, onClose }: ReleaseProps) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const own = heldBy(held, host);
  const blocks = blockCount(own);
  const release = useMutation(
    trpc.network.release.mutationOptions({
      onSuccess: (done) => {
        onClose();
        showToast({ tone: "done", text: `${done.blocks.length} blocks of ${done.host} are free` });
        void client.invalidateQueries(trpc.network.pathFilter());
        void client.invalidateQueries(trpc.pools.pathFilter());
      },
      onError: (error) => showToast({ tone: "failed", text: "Not released", detail: problemOf(error).title }),
    }),
  );
  return (
    <Confirm
      open={host !== null}
      onOpenChange={onClose}
      title={`Release what ${host} holds?`}
      action={`Release ${blocks} ${blocks === 1 ? "block" : "blocks"} of 1 host`}
      busy={release.isPending}
      onConfirm={() => host && release.mutate({ host })}
    >
      Other hosts may get these addresses at once, and the {own[0]?.endpoints ?? 0} endpoints that {host}{" "}
      published are forgotten. If pods are still running there, two pods will have one address. Do it only
      when the host will not come back.
    </Confirm>
  );
}
