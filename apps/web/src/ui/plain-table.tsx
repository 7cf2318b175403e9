/** A table of a few dozen rows: no virtual scrolling, no column memory. Grows as tall as its rows. */
import type { ReactNode } from "react";
import { classNames } from "./class-names.ts";
import { ScrollBox } from "./scroll-box.tsx";

export type PlainColumn<Row> = {
  title: string;
  help?: string;
  align?: "right";
  /** For columns of buttons, whose title only a screen reader needs. */
  hideTitle?: boolean;
  cell: (row: Row) => ReactNode;
  className?: string;
};
type PlainTableProps<Row> = {
  label: string;
  columns: readonly PlainColumn<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  empty: ReactNode;
};

export function PlainTable<Row>({ label, columns, rows, rowKey, empty }: PlainTableProps<Row>) {
  if (rows.length === 0) return <p className="py-2 text-text-3">{empty}</p>;
  return (
    <ScrollBox label={label}>
      <table className="w-full text-xs">
        <thead>
          <tr className="border-b border-line text-left text-text-2">
            {columns.map((column) => (
              <th
                key={column.title}
                scope="col"
                title={column.help}
                className={classNames(
                  "h-7 px-2 font-normal whitespace-nowrap first:pl-0",
                  column.align === "right" && "text-right",
                )}
              >
                {column.hideTitle ? <span className="sr-only">{column.title}</span> : column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className="border-b border-line hover:bg-surface-1">
              {columns.map((column) => (
                <td
                  key={column.title}
                  className={classNames(
                    "px-2 py-1.5 first:pl-0",
                    column.align === "right" && "text-right",
                    column.className,
                  )}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}
