"use client";
/** Chooses a table's columns. Order is changed by dragging headers; this also puts everything back. */
import { Columns3 } from "lucide-react";
import { Button } from "./button.tsx";
import { Menu, MenuCheck, MenuItem, MenuLine } from "./menu.tsx";
import type { Columns } from "./use-columns.ts";

export function ColumnMenu<Row>({ columns }: { columns: Columns<Row> }) {
  return (
    <Menu
      trigger={
        <Button size="sm" variant="quiet" aria-label="Choose columns">
          <Columns3 size={14} aria-hidden />
          Columns
        </Button>
      }
    >
      {columns.all.map((column) => (
        <MenuCheck
          key={column.id}
          checked={columns.isShown(column)}
          onChange={(on) => columns.show(column.id, on)}
        >
          {column.title}
        </MenuCheck>
      ))}
      <MenuLine />
      <MenuItem onSelect={columns.reset}>Back to the usual columns</MenuItem>
    </Menu>
  );
}
