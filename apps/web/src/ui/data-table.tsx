"use client";
/**
 * The one big table: only the rows in view exist, so a hundred thousand scroll like fifty. Sorting,
 * filtering and loading are the caller's; this draws, selects and keeps the reader's place.
 */
import { type MouseEvent, type ReactNode, useId, useRef, useState } from "react";
import { DataTableHead } from "./data-table-head.tsx";
import { DataTableRows, type RowsHandle } from "./data-table-rows.tsx";
import { useHotkeys } from "./hotkeys.ts";
import type { Columns } from "./use-columns.ts";

export type Sort = {
  key: string;
  descending: boolean;
  /** The column is the nearest to the order, but rows stay where they came in: it must not look sorted. */
  byArrival?: boolean;
};
export type TermChoice = (field: string, value: string, exclude: boolean) => void;
export type DataTableProps<Row> = {
  label: string;
  columns: Columns<Row>;
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  sort?: Sort;
  onSort?: (key: string) => void;
  selected?: string | null;
  onSelect?: (row: Row) => void;
  onOpen?: (row: Row) => void;
  onTerm?: TermChoice;
  /** The end is in sight: more may be loaded. */
  onEnd?: () => void;
  /** What stands below the last row: loading, "that's all", a count. */
  footer?: ReactNode;
  /** In place of rows when there are none. */
  empty?: ReactNode;
};

/** Row and column under a pointer event, from the attributes that rows and cells carry. */
function placeOf(event: MouseEvent): { index: number; column: string | null } | null {
  const target = event.target as Element;
  const row = target.closest<HTMLElement>("[data-index]");
  if (!row) return null;
  const column = target.closest<HTMLElement>("[data-column]")?.dataset.column ?? null;
  return { index: Number(row.dataset.index), column };
}

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { columns, rows, rowKey, selected, onSelect, onOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const handle = useRef<RowsHandle>(null);
  const id = useId();
  const [hovered, setHovered] = useState<{ key: string; column: string } | null>(null);

  const indexOf = (key: string | null | undefined) =>
    key ? rows.findIndex((row) => rowKey(row) === key) : -1;
  const step = (by: number) => {
    const at = Math.min(Math.max(indexOf(selected) + by, 0), rows.length - 1);
    const row = rows[at];
    if (!row) return;
    onSelect?.(row);
    handle.current?.show(at);
  };
  const openSelected = () => {
    const row = rows[indexOf(selected)];
    if (row) onOpen?.(row);
  };
  useHotkeys(
    onSelect
      ? [
          { key: "j", run: () => step(1) },
          { key: "k", run: () => step(-1) },
          { key: "Enter", run: openSelected },
        ]
      : [],
  );

  const onClick = (event: MouseEvent) => {
    const place = placeOf(event);
    const row = place && rows[place.index];
    if (!row || (event.target as Element).closest("button, a")) return;
    onSelect?.(row);
    onOpen?.(row);
  };
  const onPointer = (event: MouseEvent) => {
    const place = placeOf(event);
    const row = place && rows[place.index];
    const key = row && rowKey(row);
    if (!key || !place.column) return setHovered(null);
    if (hovered?.key !== key || hovered.column !== place.column) setHovered({ key, column: place.column });
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a <table> can't place rows by transform
    <div
      ref={scroller}
      role="grid"
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.shown.length}
      tabIndex={0}
      onClick={onClick}
      onMouseOver={props.onTerm ? onPointer : undefined}
      onMouseLeave={() => setHovered(null)}
      onFocus={() => undefined}
      onKeyDown={(event) => {
        if (event.target !== scroller.current || !onSelect) return;
        if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
        event.preventDefault();
        step(event.key === "ArrowDown" ? 1 : -1);
      }}
      className="relative h-full min-h-0 overflow-auto overscroll-contain text-xs focus-visible:-outline-offset-2"
      style={{ ["--template" as string]: columns.template }}
    >
      <DataTableHead columns={columns} sort={props.sort} onSort={props.onSort} />
      {rows.length === 0 && props.empty ? (
        <SpareRow>{props.empty}</SpareRow>
      ) : (
        <DataTableRows
          handle={handle}
          scroller={scroller}
          id={id}
          columns={columns.shown}
          rows={rows}
          rowKey={rowKey}
          selected={selected ?? null}
          hovered={hovered}
          onTerm={props.onTerm}
          onEnd={props.onEnd}
        />
      )}
      {props.footer && <SpareRow>{props.footer}</SpareRow>}
    </div>
  );
}

/** What isn't a row still has to stand in one, or a screen reader loses the table. */
function SpareRow({ children }: { children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs
    <div role="rowgroup" className="sticky left-0">
      {/* biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: a grid's rows are reached through the grid */}
      <div role="row">
        {/* biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: a grid's rows are reached through the grid */}
        <div role="gridcell">{children}</div>
      </div>
    </div>
  );
}
