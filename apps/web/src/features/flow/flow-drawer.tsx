"use client";
/** One flow, whole: what happened, both ends, every observer's account, its life over time. Not modal. */
import type { FlowDetail } from "@millrace/contract/flow";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { CopyButton } from "@/ui/copy-button.tsx";
import { useFocusReturn } from "@/ui/focus-return.ts";
import { useHotkeys } from "@/ui/hotkeys.ts";
import { Icon } from "@/ui/icon.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Answer } from "@/view/answer.tsx";
import { endName } from "@/view/end-name.ts";
import { useKept } from "@/view/kept-answer.ts";
import { SimulatedBadge } from "@/view/simulated-badge.tsx";
import { useView } from "@/view/url-state.ts";
import { VerdictMark } from "@/view/verdict-mark.tsx";
import { FlowDrops, FlowObservers, FlowTransport } from "./flow-account.tsx";
import { FlowEnds } from "./flow-ends.tsx";
import { flowSentence } from "./flow-format.ts";
import { RelatedFlows, TraceFlow } from "./flow-links.tsx";
import { FlowPath } from "./flow-path.tsx";
import { FlowService } from "./flow-service.tsx";
import { FlowTimeline } from "./flow-timeline.tsx";
import { FlowTranslation } from "./flow-translation.tsx";
import { reached } from "./history-input.ts";

export function FlowDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const { choice, range, question } = useView();
  const trpc = useTRPC();
  const query = useKept(
    useQuery(
      trpc.flows.get.queryOptions(
        { id, range: reached(choice, range) },
        { placeholderData: (last) => (last && isOf(last, id) ? last : undefined), retry: 1 },
      ),
    ),
    `${question}\n${id}`,
  );
  const panel = useRef<HTMLElement>(null);
  useFocusReturn(panel);
  useHotkeys([{ key: "Escape", run: onClose }]);
  return (
    <aside
      ref={panel}
      aria-label="Flow"
      className="enter flex w-[460px] shrink-0 flex-col overflow-auto border-l border-line bg-surface-0 max-lg:fixed max-lg:inset-y-0 max-lg:right-0 max-lg:z-30 max-lg:w-[min(460px,100vw)] max-lg:shadow-overlay"
    >
      <div className="sticky top-0 z-10 flex items-center gap-2 border-b border-line bg-surface-0 px-4 py-2">
        <h2 className="grow truncate text-sm">
          {query.data ? `${endName(query.data.row.src)} → ${endName(query.data.row.dst)}` : "Flow"}
        </h2>
        <Button size="tiny" variant="quiet" aria-label="Close the flow" title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
        </Button>
      </div>
      <Answer query={query} skeleton={<SkeletonRows rows={14} label="Loading the flow" />}>
        {(detail) => <DrawerBody detail={detail} />}
      </Answer>
    </aside>
  );
}

/** Another flow must not stand there while this one is asked for: it could be traced by mistake. */
export const isOf = ({ row }: Pick<FlowDetail, "row">, id: string): boolean =>
  row.id === id || row.otherId === id;

function DrawerBody({ detail }: { detail: FlowDetail }) {
  const { row } = detail;
  return (
    <div className="flex flex-col gap-5 px-4 py-3 text-xs">
      <div className="flex flex-col gap-2">
        <p className="flex flex-wrap items-center gap-2">
          <VerdictMark verdict={row.verdict} reason={row.dropReason} />
          {row.simulated && <SimulatedBadge />}
        </p>
        <p className="text-sm">{flowSentence(row)}</p>
        <div className="flex flex-wrap gap-1.5">
          <TraceFlow row={row} />
          <RelatedFlows row={row} />
          <CopyButton label="Copy JSON" text={() => JSON.stringify(detail, null, 2)} />
        </div>
      </div>
      <FlowTimeline detail={detail} />
      <FlowService row={row} />
      <FlowEnds src={row.src} dst={row.dst} proto={row.proto} />
      <FlowPath detail={detail} />
      <FlowTranslation row={row} />
      <FlowTransport row={row} />
      <FlowObservers detail={detail} />
      <FlowDrops detail={detail} />
      <p className="figure text-2xs break-all text-text-3">{row.id}</p>
    </div>
  );
}
