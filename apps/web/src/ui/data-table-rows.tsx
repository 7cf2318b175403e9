"use client";
import {
  memo,
  type ReactNode,
  type RefObject,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
} from "react";
import { classNames } from "./class-names.ts";
import type { TermChoice } from "./data-table.tsx";
/**
 * The rows in view. When rows come or go above while the reader is further down, the view is moved by as much,
 * so that what they read stays where it is.
 */
import { Icon } from "./icon.tsx";
import { useRowWindow } from "./row-window.ts";
import type { TableColumn } from "./table-column.ts";

export const ROW_PX = 28;
/** How near the end counts as "in sight". */
const END_ROWS = 40;

export type RowsHandle = { show: (index: number) => void };
type RowsProps<Row> = {
  handle: RefObject<RowsHandle | null>;
  scroller: RefObject<HTMLDivElement | null>;
  id: string;
  columns: readonly TableColumn<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  selected: string | null;
  hovered: { key: string; column: string } | null;
  onTerm?: TermChoice;
  onEnd?: () => void;
};

export function DataTableRows<Row>(props: RowsProps<Row>) {
  const { id, rows, rowKey, scroller, columns, selected, hovered, onTerm, onEnd } = props;
  const { from, to, show } = useRowWindow(scroller, rows.length, ROW_PX);
  useImperativeHandle(props.handle, () => ({ show }));
  usePlaceKeeping(rows, rowKey, scroller);

  useEffect(() => {
    if (rows.length > 0 && to >= rows.length - END_ROWS) onEnd?.();
  }, [to, rows.length, onEnd]);
  const drawn = rows.slice(from, to);
  const active = selected !== null && drawn.some((row) => rowKey(row) === selected);
  useEffect(() => {
    // Only a row that is drawn may be named: the attribute must point at something.
    if (active) scroller.current?.setAttribute("aria-activedescendant", `${id}-${selected}`);
    else scroller.current?.removeAttribute("aria-activedescendant");
  }, [active, id, selected, scroller]);

  return (
    // biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs
    <div role="rowgroup" className="relative min-w-fit" style={{ height: rows.length * ROW_PX }}>
      {drawn.map((row, at) => {
        const key = rowKey(row);
        return (
          <TableRow
            key={key}
            id={`${id}-${key}`}
            index={from + at}
            row={row}
            columns={columns as readonly TableColumn<unknown>[]}
            selected={key === selected}
            hovered={hovered?.key === key ? hovered.column : null}
            onTerm={onTerm}
          />
        );
      })}
    </div>
  );
}

function usePlaceKeeping<Row>(
  rows: readonly Row[],
  rowKey: (row: Row) => string,
  scroller: RefObject<HTMLDivElement | null>,
): void {
  const before = useRef(rows);
  useLayoutEffect(() => {
    const old = before.current;
    before.current = rows;
    const element = scroller.current;
    if (!element || old === rows || element.scrollTop < ROW_PX) return;
    const at = Math.floor(element.scrollTop / ROW_PX);
    const anchor = old[at];
    if (anchor === undefined) return;
    const key = rowKey(anchor);
    const now = rows.findIndex((row) => rowKey(row) === key);
    if (now >= 0 && now !== at) element.scrollTop += (now - at) * ROW_PX;
  }, [rows, rowKey, scroller]);
}

type RowProps = {
  id: string;
  index: number;
  row: unknown;
  columns: readonly TableColumn<unknown>[];
  selected: boolean;
  hovered: string | null;
  onTerm?: TermChoice;
};

const TableRow = memo(function TableRow({ id, index, row, columns, selected, hovered, onTerm }: RowProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs
    // biome-ignore lint/a11y/useFocusableInteractive: reached through the grid's active descendant
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-index={index}
      className={classNames(
        "absolute top-0 left-0 grid h-7 min-w-full cursor-default border-b border-line/60",
        selected ? "bg-accent-soft" : "hover:bg-surface-1",
      )}
      style={{ gridTemplateColumns: "var(--template)", transform: `translateY(${index * ROW_PX}px)` }}
    >
      {columns.map((column) => (
        // biome-ignore lint/a11y/useSemanticElements: part of a grid made of divs
        // biome-ignore lint/a11y/useFocusableInteractive: reached through the grid's active descendant
        <div
          key={column.id}
          role="gridcell"
          data-column={column.id}
          className={classNames(
            "relative flex min-w-0 items-center overflow-hidden px-2 whitespace-nowrap first:pl-4 last:pr-4",
            column.align === "right" && "justify-end",
          )}
        >
          {column.cell(row)}
          {hovered === column.id && onTerm && (
            <TermButtons term={column.term?.(row) ?? null} onTerm={onTerm} />
          )}
        </div>
      ))}
    </div>
  );
});

/** For the pointer only: keyboards filter from the drawer and the facets, where the same values stand. */
function TermButtons(props: {
  term: { field: string; value: string } | null;
  onTerm: TermChoice;
}): ReactNode {
  const { term, onTerm } = props;
  if (!term) return null;
  const look = "grid size-6 place-items-center rounded text-text-2 hover:bg-surface-2 hover:text-text-1";
  const name = `${term.field}=${term.value}`;
  return (
    <span className="absolute inset-y-0 right-0 flex items-center bg-surface-1 pl-1 shadow-[-8px_0_8px_var(--surface-1)]">
      <button
        type="button"
        tabIndex={-1}
        className={look}
        title={`Only ${name}`}
        aria-label={`Only ${name}`}
        onClick={() => onTerm(term.field, term.value, false)}
      >
        <Icon name="plus" size={13} />
      </button>
      <button
        type="button"
        tabIndex={-1}
        className={look}
        title={`Without ${name}`}
        aria-label={`Without ${name}`}
        onClick={() => onTerm(term.field, term.value, true)}
      >
        <Icon name="minus" size={13} />
      </button>
    </span>
  );
}
