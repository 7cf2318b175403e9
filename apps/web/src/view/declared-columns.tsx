/** The columns that tables of what people declare have in common: when it changed last, and by whom. */
import type { TableColumn } from "@/ui/table-column.ts";
import { TimeText } from "@/ui/time-text.tsx";

type Declared = { changedAtMs: number; changedBy: string };

export const DECLARED_COLUMNS: readonly TableColumn<Declared>[] = [
  {
    id: "changed",
    title: "Changed",
    sort: "changed",
    width: 120,
    cell: ({ changedAtMs }) => <TimeText at={changedAtMs} as="day" />,
  },
  {
    id: "author",
    title: "By",
    width: 150,
    grow: 1,
    cell: ({ changedBy }) => <span className="truncate">{changedBy}</span>,
  },
];
