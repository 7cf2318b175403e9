"use client";
/** The table's header: titles, sort order, width handles; a header dragged onto another moves there. */
import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { classNames } from "./class-names.ts";
import type { Sort } from "./data-table.tsx";
import type { TableColumn } from "./table-column.ts";
import type { Columns } from "./use-columns.ts";

type HeadProps<Row> = { columns: Columns<Row>; sort?: Sort; onSort?: (key: string) => void };

const KEY_STEP_PX = 16;

export function DataTableHead<Row>({ columns, sort, onSort }: HeadProps<Row>) {
  const [dragged, setDragged] = useState<string | null>(null);
  return (
    // biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs
    <div role="rowgroup" className="sticky top-0 z-10 min-w-fit bg-surface-0">
      {/* biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: headers hold their own buttons */}
      <div
        role="row"
        aria-rowindex={1}
        className="grid h-7 min-w-full border-b border-line"
        style={{ gridTemplateColumns: "var(--template)" }}
      >
        {columns.shown.map((column) => (
          // biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs
          // biome-ignore lint/a11y/useFocusableInteractive: headers hold their own buttons
          <div
            key={column.id}
            role="columnheader"
            title={column.help}
            aria-sort={ariaSort(column, sort)}
            draggable
            onDragStart={() => setDragged(column.id)}
            onDragEnd={() => setDragged(null)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={() => dragged && dragged !== column.id && columns.move(dragged, column.id)}
            className={classNames(
              "relative flex min-w-0 items-center px-2 text-text-2 first:pl-4 last:pr-4",
              column.align === "right" && "justify-end",
              dragged === column.id && "opacity-50",
            )}
          >
            <HeadTitle column={column} sort={sort} onSort={onSort} />
            <WidthHandle column={column} onResize={(width) => columns.resize(column.id, width)} />
          </div>
        ))}
      </div>
    </div>
  );
}

function ariaSort<Row>(column: TableColumn<Row>, sort?: Sort): "descending" | "ascending" | undefined {
  if (!sort || column.sort !== sort.key || sort.byArrival) return undefined;
  return sort.descending ? "descending" : "ascending";
}

function SortMark({ sort }: { sort: Sort }) {
  const glyph = sort.byArrival ? "⤒" : sort.descending ? "▾" : "▴";
  return (
    <>
      <span aria-hidden className="text-2xs">
        {glyph}
      </span>
      {sort.byArrival && <span className="sr-only">, new rows on top</span>}
    </>
  );
}

function HeadTitle<Row>(props: { column: TableColumn<Row>; sort?: Sort; onSort?: (key: string) => void }) {
  const { column, sort, onSort } = props;
  const key = column.sort;
  if (!key || !onSort) return <span className="truncate">{column.title}</span>;
  const active = sort?.key === key;
  const mark = active && <SortMark sort={sort} />;
  return (
    <button
      type="button"
      onClick={() => onSort(key)}
      className={classNames("flex h-6 min-w-0 items-center gap-1 hover:text-text-1", active && "text-text-1")}
    >
      {column.align === "right" && mark}
      <span className="truncate">{column.title}</span>
      {column.align !== "right" && mark}
    </button>
  );
}

function WidthHandle<Row>(props: { column: TableColumn<Row>; onResize: (width: number) => void }) {
  const widthOf = (handle: Element) => (handle.parentElement as HTMLElement).getBoundingClientRect().width;
  const onPointerDown = (event: PointerEvent<HTMLHRElement>) => {
    event.preventDefault();
    event.stopPropagation();
    const handle = event.currentTarget;
    const from = { x: event.clientX, width: widthOf(handle) };
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (move) => props.onResize(from.width + move.clientX - from.x);
    handle.onpointerup = () => {
      handle.onpointermove = null;
      handle.onpointerup = null;
    };
  };
  const onKeyDown = (event: KeyboardEvent<HTMLHRElement>) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    event.stopPropagation();
    props.onResize(widthOf(event.currentTarget) + (event.key === "ArrowRight" ? KEY_STEP_PX : -KEY_STEP_PX));
  };
  return (
    <hr
      tabIndex={0}
      aria-label={`Width of ${props.column.title}`}
      aria-orientation="vertical"
      aria-valuenow={props.column.width}
      draggable={false}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
      className="absolute top-1 -right-1 z-10 h-5 w-2 cursor-col-resize touch-none border-0 border-r border-transparent hover:border-line-strong focus-visible:border-accent"
    />
  );
}
