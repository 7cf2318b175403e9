/**
 * Rows as a file that this browser saves: CSV for spreadsheets, JSON for programs. Pages are fetched until all is
 * there or the limit is reached. Loaded when somebody exports; which rows and columns is the caller's, and what is
 * said about it export-run's.
 */

export type ExportFormat = "csv" | "json";
export type Cell = string | number | null;
export type Columns<Row> = Readonly<Record<string, (row: Row) => Cell>>;

/** Names come from containers: a spreadsheet must not take one for a formula. */
export function csvCell(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toCsv<Row>(columns: Columns<Row>, rows: readonly Row[]): string {
  const lines = [Object.keys(columns).join(",")];
  for (const row of rows)
    lines.push(
      Object.values(columns)
        .map((of) => csvCell(of(row)))
        .join(","),
    );
  return `${lines.join("\r\n")}\r\n`;
}

export type Page<Row> = { rows: readonly Row[]; nextCursor: string | null };
export type Collected<Row> = { rows: Row[]; cut: boolean };

export async function collectRows<Row>(
  fetchPage: (cursor: string | null) => Promise<Page<Row>>,
  onProgress: (rows: number) => void,
  limit: number,
): Promise<Collected<Row>> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Row> = await fetchPage(cursor);
    rows.push(...page.rows);
    cursor = page.nextCursor;
    onProgress(rows.length);
  } while (cursor !== null && rows.length < limit);
  return { rows: rows.slice(0, limit), cut: cursor !== null || rows.length > limit };
}

export function saveRows<Row>(
  name: string,
  format: ExportFormat,
  columns: Columns<Row>,
  rows: readonly Row[],
): void {
  const csv = format === "csv";
  const content = csv ? toCsv(columns, rows) : JSON.stringify(rows, null, 1);
  const url = URL.createObjectURL(new Blob([content], { type: csv ? "text/csv" : "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** As a part of a file's name. */
export const fileTime = (at: number): string => new Date(at).toISOString().slice(0, 19).replaceAll(":", "");
