"use client";
/** Who did what: every change and every refused one, newest first. */
import type { AuditEntry } from "@millrace/contract/setting";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useQueryStates } from "nuqs";
import { parseAsString } from "nuqs/server";
import { useMemo, useRef } from "react";
import { useTRPC, useTRPCClient } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { classNames } from "@/ui/class-names.ts";
import { ColumnMenu } from "@/ui/column-menu.tsx";
import { CopyButton } from "@/ui/copy-button.tsx";
import { DataTable } from "@/ui/data-table.tsx";
import { inputLook } from "@/ui/field.tsx";
import { useFocusReturn } from "@/ui/focus-return.ts";
import { useHotkeys } from "@/ui/hotkeys.ts";
import { Notice } from "@/ui/notice.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import { TimeText } from "@/ui/time-text.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { Failed, Stale } from "@/view/answer.tsx";
import { ExportMenu } from "@/view/export-menu.tsx";
import { ListEnd, useNextPage } from "@/view/more-rows.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { detailText, OUTCOME } from "./audit-format.ts";

const entryKey = (entry: AuditEntry): string => entry.id;
const COLUMNS: readonly TableColumn<AuditEntry>[] = [
  { id: "at", title: "When", width: 120, cell: (entry) => <TimeText at={entry.at} as="day" /> },
  {
    id: "author",
    title: "Who",
    width: 190,
    grow: 1,
    cell: (entry) => <span className="truncate">{entry.author}</span>,
  },
  { id: "via", title: "Via", width: 84, cell: (entry) => <span className="text-text-2">{entry.via}</span> },
  {
    id: "action",
    title: "Action",
    width: 196,
    cell: (entry) => <span className="figure truncate">{entry.action}</span>,
  },
  {
    id: "target",
    title: "On",
    width: 200,
    grow: 1,
    cell: (entry) => <span className="figure truncate">{entry.target}</span>,
  },
  {
    id: "outcome",
    title: "Outcome",
    width: 96,
    cell: (entry) => (
      <span className={classNames("flex items-center gap-1.5", OUTCOME[entry.outcome].look)}>
        <span aria-hidden>{OUTCOME[entry.outcome].glyph}</span>
        {entry.outcome}
      </span>
    ),
  },
  {
    id: "detail",
    title: "Detail",
    width: 260,
    grow: 3,
    cell: (entry) => <span className="figure truncate text-text-2">{detailText(entry.detail)}</span>,
  },
];
const params = {
  author: parseAsString.withDefault(""),
  action: parseAsString.withDefault(""),
  entry: parseAsString,
};

export function AuditPage() {
  const [{ author, action, entry: selected }, set] = useQueryStates(params);
  const trpc = useTRPC();
  const client = useTRPCClient();
  const columns = useColumns("audit", COLUMNS);
  const filter = { author: author || null, action: action || null };
  const query = useInfiniteQuery(
    trpc.audit.list.infiniteQueryOptions(filter, {
      getNextPageParam: (page) => page.nextCursor,
      placeholderData: keepPreviousData,
    }),
  );
  const entries = useMemo(() => query.data?.pages.flatMap((page) => page.entries) ?? [], [query.data]);
  const onEnd = useNextPage(query);
  const load = async () => {
    const { auditExport } = await import("./audit-export.ts");
    return auditExport(Date.now(), (ask, signal) =>
      client.audit.list.query({ ...filter, ...ask }, { signal }),
    );
  };
  const chosen = entries.find((entry) => entry.id === selected);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHead
        title="Audit"
        summary="Every change, who made it, and what was refused."
        actions={
          <>
            <Find label="Who" value={author} onChange={(text) => void set({ author: text || null })} />
            <Find label="Action" value={action} onChange={(text) => void set({ action: text || null })} />
            <ColumnMenu columns={columns} />
            <ExportMenu what="entries" load={load} />
          </>
        }
      />
      {query.error && query.data && !query.isFetchNextPageError && <Stale query={query} />}
      <div className="min-h-0 grow border-t border-line">
        {query.data ? (
          <DataTable
            label="Audit"
            columns={columns}
            rows={entries}
            rowKey={entryKey}
            selected={selected}
            onSelect={(entry) => void set({ entry: entry.id })}
            onTerm={undefined}
            onEnd={onEnd}
            footer={entries.length > 0 && <ListEnd query={query} what="entries" />}
            empty={
              <Notice
                title={author || action ? "No entry matches." : "Nothing has been done yet."}
                actions={
                  (author || action) && (
                    <Button onClick={() => void set({ author: null, action: null })}>Show all</Button>
                  )
                }
              />
            }
          />
        ) : query.error ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={18} label="Loading the audit" />
        )}
      </div>
      {chosen && <EntryDetail entry={chosen} onClose={() => void set({ entry: null })} />}
    </div>
  );
}

function Find(props: { label: string; value: string; onChange: (text: string) => void }) {
  return (
    <input
      aria-label={props.label}
      placeholder={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
      className={`${inputLook} w-40! max-sm:w-28!`}
    />
  );
}

function EntryDetail({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const panel = useRef<HTMLElement>(null);
  useFocusReturn(panel);
  useHotkeys([{ key: "Escape", run: onClose }]);
  const json = JSON.stringify(entry, null, 2);
  return (
    <section
      ref={panel}
      aria-label="Entry"
      className="max-h-[40%] shrink-0 overflow-auto border-t border-line bg-surface-1 px-4 py-2"
    >
      <div className="flex items-center gap-2">
        <h2 className="grow text-sm">
          {entry.author}: <span className="figure">{entry.action}</span>
        </h2>
        <CopyButton label="Copy JSON" text={() => json} />
        <Button size="sm" variant="quiet" onClick={onClose}>
          Close
        </Button>
      </div>
      <pre className="figure text-xs whitespace-pre-wrap">{json}</pre>
    </section>
  );
}
