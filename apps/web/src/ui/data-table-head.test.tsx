import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import type { Sort } from "./data-table.tsx";
import { DataTableHead } from "./data-table-head.tsx";
import type { TableColumn } from "./table-column.ts";

const column: TableColumn<number> = { id: "at", title: "Last seen", width: 90, sort: "at", cell: String };
const never = () => {};
function head(sort: Sort): string {
  const columns = {
    ...{ all: [column], shown: [column], template: "90px", isShown: () => true },
    ...{ show: never, resize: never, move: never, reset: never },
  };
  return renderToStaticMarkup(<DataTableHead columns={columns} sort={sort} onSort={never} />);
}

test("a sorted column has its arrow, for eyes and for screen readers", () => {
  expect(head({ key: "at", descending: true })).toMatch(/aria-sort="descending".*▾/);
  expect(head({ key: "at", descending: false })).toMatch(/aria-sort="ascending".*▴/);
});
test("a column whose rows stay where they came in doesn't claim to be sorted, and says how they stand", () => {
  const html = head({ key: "at", descending: true, byArrival: true });
  expect(html).not.toMatch(/aria-sort|▾|▴/);
  expect(html).toContain("new rows on top");
});
