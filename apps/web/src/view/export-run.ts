/**
 * An export from the press of a button to the file: it says that it is under way and how far, can be cancelled, and
 * ends in one message: saved, saved in part and why, or failed with nothing saved. How rows become a file is
 * file-export's. Both are loaded only then.
 */
import { count, text } from "@millrace/contract/units";
import { showToast } from "@/ui/toast.tsx";
import { EXPORT_ROWS_MAX } from "./export-limit.ts";
import type { Collected, Columns, ExportFormat, Page } from "./file-export.ts";
import { problemOf } from "./problem.ts";

export type Export<Row> = {
  /** The file's name, without what it is in. */
  readonly name: string;
  readonly columns: Columns<Row>;
  readonly fetchPage: (cursor: string | null, signal: AbortSignal) => Promise<Page<Row>>;
  /** Why the file isn't all that was asked for; null when it is. Asked once every page is there. */
  readonly missing: (got: Collected<Row>) => string | null;
};
type Save<Row> = (name: string, format: ExportFormat, columns: Columns<Row>, rows: readonly Row[]) => void;
export type ExportWish<Row> = {
  /** The rows' plural: flows. */
  readonly what: string;
  readonly format: ExportFormat;
  readonly load: () => Promise<Export<Row>>;
  /** Instead of a download. */
  readonly save?: Save<Row>;
};

/** Never rejects: the message is the answer. */
export async function runExport<Row>(wish: ExportWish<Row>): Promise<void> {
  const { what } = wish;
  const cancel = new AbortController();
  const onCancel = () => cancel.abort();
  const working = (rows: number) =>
    ({ tone: "working", text: `Collecting ${what}: ${text(count(rows))}`, onCancel }) as const;
  const id = showToast(working(0));
  try {
    const { rows, missing } = await collect(wish, cancel.signal, (n) => showToast(working(n), id));
    const saved = `${text(count(rows))} ${what} saved`;
    if (missing === null) showToast({ tone: "done", text: saved }, id);
    else showToast({ tone: "partial", text: `${saved}, not all`, detail: missing }, id);
  } catch (error) {
    if (cancel.signal.aborted) showToast({ tone: "done", text: "Cancelled: nothing was saved" }, id);
    else
      showToast(
        { tone: "failed", text: "The export failed: nothing was saved", detail: problemOf(error).title },
        id,
      );
  }
}

async function collect<Row>(
  { format, load, save }: ExportWish<Row>,
  signal: AbortSignal,
  onProgress: (rows: number) => void,
): Promise<{ rows: number; missing: string | null }> {
  const [{ collectRows, saveRows }, source] = await Promise.all([import("./file-export.ts"), load()]);
  const fetchPage = async (cursor: string | null) => {
    signal.throwIfAborted();
    const page = await source.fetchPage(cursor, signal);
    signal.throwIfAborted();
    return page;
  };
  const got = await collectRows(fetchPage, onProgress, EXPORT_ROWS_MAX);
  const missing = source.missing(got);
  // The message is gone tomorrow; the file's name is not.
  const name = missing === null ? source.name : `${source.name}-partial`;
  (save ?? saveRows)(name, format, source.columns, got.rows);
  return { rows: got.rows.length, missing };
}
