"use client";
/**
 * Which columns of a table are shown, how wide and in what order, remembered in this browser. The rows and
 * their drawing are data-table's.
 */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import {
  type ColumnMemory,
  orderedColumns,
  readColumnMemory,
  type TableColumn,
  templateOf,
} from "./table-column.ts";

const listeners = new Set<() => void>();
const keyOf = (table: string): string => `millrace.columns.${table}`;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}
/** A browser that forbids storage still shows the table, with its first columns. */
function stored(table: string): string | null {
  try {
    return window.localStorage.getItem(keyOf(table));
  } catch {
    return null;
  }
}
function store(table: string, memory: ColumnMemory | null): void {
  try {
    if (memory) window.localStorage.setItem(keyOf(table), JSON.stringify(memory));
    else window.localStorage.removeItem(keyOf(table));
  } catch {
    return;
  }
  for (const listener of listeners) listener();
}

export const MIN_COLUMN_PX = 48;

export type Columns<Row> = {
  readonly all: readonly TableColumn<Row>[];
  readonly shown: readonly TableColumn<Row>[];
  readonly template: string;
  readonly isShown: (column: TableColumn<Row>) => boolean;
  readonly show: (id: string, shown: boolean) => void;
  readonly resize: (id: string, width: number) => void;
  readonly move: (id: string, before: string) => void;
  readonly reset: () => void;
};

export function useColumns<Row>(table: string, columns: readonly TableColumn<Row>[]): Columns<Row> {
  const text = useSyncExternalStore(
    subscribe,
    () => stored(table),
    () => null,
  );
  const memory = useMemo(() => readColumnMemory(text), [text]);
  const all = useMemo(() => orderedColumns(columns, memory.order), [columns, memory]);
  const isShown = useCallback(
    (column: TableColumn<Row>) => memory.visibility[column.id] ?? !column.hidden,
    [memory],
  );
  const shown = useMemo(() => all.filter(isShown), [all, isShown]);
  return {
    all,
    shown,
    template: templateOf(shown, memory.sizing),
    isShown,
    show: (id, on) => store(table, { ...memory, visibility: { ...memory.visibility, [id]: on } }),
    resize: (id, width) =>
      store(table, {
        ...memory,
        sizing: { ...memory.sizing, [id]: Math.max(MIN_COLUMN_PX, Math.round(width)) },
      }),
    move: (id, before) => {
      const order = all.map((c) => c.id).filter((other) => other !== id);
      order.splice(order.indexOf(before), 0, id);
      store(table, { ...memory, order });
    },
    reset: () => store(table, null),
  };
}
