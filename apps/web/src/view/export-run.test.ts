import { afterEach, expect, test, vi } from "vitest";
import { dismissToast, shownToasts, type Toast } from "@/ui/toast.tsx";
import { type Export, runExport } from "./export-run.ts";

type Row = { n: number };
const rowsOf = (many: number): Row[] => Array.from({ length: many }, (_, n) => ({ n }));
const source = (over: Partial<Export<Row>>): Export<Row> => ({
  name: "rows",
  columns: { n: (row) => row.n },
  fetchPage: async () => ({ rows: rowsOf(3), nextCursor: null }),
  missing: () => null,
  ...over,
});
const run = (load: () => Promise<Export<Row>>, save = vi.fn()) =>
  runExport({ what: "rows", format: "csv", load, save }).then(() => save);
const said = (): Toast => {
  const [toast, ...others] = shownToasts();
  expect(others).toEqual([]);
  return toast as Toast;
};
afterEach(() => {
  for (const { id } of shownToasts()) dismissToast(id);
});

test("what is whole is saved and said to be", async () => {
  const save = await run(async () => source({}));
  expect(save).toHaveBeenCalledExactlyOnceWith("rows", "csv", expect.anything(), rowsOf(3));
  expect(said()).toMatchObject({ tone: "done", text: "3 rows saved" });
});
test("what is partial says why, in the message and in the file's name", async () => {
  const save = await run(async () => source({ missing: () => "One host is silent." }));
  expect(save.mock.calls[0]?.[0]).toBe("rows-partial");
  expect(said()).toMatchObject({ tone: "partial", detail: "One host is silent." });
});
test("a refused page fails the export in the API's words, and nothing is saved", async () => {
  const refusal = { message: "Your role is viewer", data: { httpStatus: 403, app: "FORBIDDEN" } };
  const save = await run(async () => source({ fetchPage: () => Promise.reject(refusal) }));
  expect(save).not.toHaveBeenCalled();
  expect(said()).toMatchObject({ tone: "failed", detail: "Your role is viewer" });
});
test("a part of the page that can't be loaded is told, not thrown", async () => {
  await run(() => Promise.reject(Object.assign(new Error("chunk 7"), { name: "ChunkLoadError" })));
  expect(said()).toMatchObject({ tone: "failed", detail: "A part of this page could not be loaded" });
});
test("it says how far it is, and cancelled it saves nothing and asks for no further page", async () => {
  const asked: (string | null)[] = [];
  const fetchPage: Export<Row>["fetchPage"] = async (cursor, signal) => {
    asked.push(cursor);
    if (cursor === null) return { rows: rowsOf(3), nextCursor: "second" };
    expect(said()).toMatchObject({ tone: "working", text: "Collecting rows: 3" });
    said().onCancel?.();
    expect(signal.aborted).toBe(true);
    return { rows: rowsOf(3), nextCursor: "third" };
  };
  const save = await run(async () => source({ fetchPage }));
  expect(asked).toEqual([null, "second"]);
  expect(save).not.toHaveBeenCalled();
  expect(said()).toMatchObject({ tone: "done", text: "Cancelled: nothing was saved" });
});
