/** What a table needs to know of a column. Cells are drawn for visible rows only, so they may be rich. */
import type { ReactNode } from "react";

export type TableColumn<Row> = {
  readonly id: string;
  readonly title: string;
  /** What the figure means, for the header's tooltip. */
  readonly help?: string;
  readonly width: number;
  /** Takes this share of the room that is left over, until the user sizes it. */
  readonly grow?: number;
  readonly align?: "right";
  readonly hidden?: boolean;
  /** The key under which the caller sorts; absent when it can't be sorted. */
  readonly sort?: string;
  readonly cell: (row: Row) => ReactNode;
  /** The filter term that this cell's value stands for. */
  readonly term?: (row: Row) => { field: string; value: string } | null;
};

export type ColumnMemory = {
  visibility: Record<string, boolean>;
  sizing: Record<string, number>;
  order: string[];
};

/** What was remembered, less what no longer exists or was never valid. */
export function readColumnMemory(text: string | null): ColumnMemory {
  const empty: ColumnMemory = { visibility: {}, sizing: {}, order: [] };
  if (!text) return empty;
  try {
    const raw = JSON.parse(text) as Partial<Record<keyof ColumnMemory, unknown>>;
    return {
      visibility: recordOf(raw.visibility, "boolean") as Record<string, boolean>,
      sizing: recordOf(raw.sizing, "number") as Record<string, number>,
      order: Array.isArray(raw.order) ? raw.order.filter((id) => typeof id === "string") : [],
    };
  } catch {
    return empty;
  }
}

function recordOf(value: unknown, type: "boolean" | "number"): Record<string, unknown> {
  if (value === null || typeof value !== "object") return {};
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => typeof entry === type));
}

/** Columns in the remembered order; those it doesn't know keep their place at the end. */
export function orderedColumns<T extends { id: string }>(
  columns: readonly T[],
  order: readonly string[],
): T[] {
  const rank = (column: T): number => {
    const at = order.indexOf(column.id);
    return at < 0 ? order.length : at;
  };
  return columns
    .map((column, at) => ({ column, at }))
    .sort((a, b) => rank(a.column) - rank(b.column) || a.at - b.at)
    .map((entry) => entry.column);
}

export const templateOf = <Row>(
  columns: readonly TableColumn<Row>[],
  sizing: Record<string, number>,
): string =>
  columns
    .map((column) => {
      const sized = sizing[column.id];
      if (sized !== undefined) return `${sized}px`;
      return column.grow ? `minmax(${column.width}px, ${column.grow}fr)` : `${column.width}px`;
    })
    .join(" ");
