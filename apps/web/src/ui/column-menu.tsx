"use client";
/** Chooses a table's columns. Order is changed by dragging headers; this also puts everything back. */
import { Icon } from "./icon.tsx";
import { Menu, type MenuEntry } from "./menu.tsx";
import type { Columns } from "./use-columns.ts";

export function ColumnMenu<Row>({ columns }: { columns: Columns<Row> }) {
  const entries: MenuEntry[] = [
    ...columns.all.map(
      (column): MenuEntry => ({
        kind: "check",
        id: column.id,
        title: column.title,
        checked: columns.isShown(column),
        onChange: (on) => columns.show(column.id, on),
      }),
    ),
    { kind: "line", id: "line" },
    { kind: "item", id: "reset", title: "Back to the usual columns", run: columns.reset },
  ];
  return (
    <Menu
      entries={entries}
      button={{
        size: "sm",
        variant: "quiet",
        children: (
          <>
            <Icon name="columns" />
            Columns
          </>
        ),
      }}
    />
  );
}
