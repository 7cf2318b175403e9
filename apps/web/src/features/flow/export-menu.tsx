"use client";
/** Saves what is filtered as a file, made in this browser. */
import { count, text } from "@millrace/contract/units";
import { Download } from "lucide-react";
import { useTRPCClient } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Menu, MenuItem, MenuLabel } from "@/ui/menu.tsx";
import { showToast } from "@/ui/toast.tsx";
import { problemOf } from "@/view/problem.ts";
import { collectRows, EXPORT_PAGE_ROWS, EXPORT_ROWS_MAX, toCsv } from "./flow-export.ts";
import { type FlowQuestion, historyInput } from "./history-input.ts";

function save(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function ExportMenu({ question }: { question: FlowQuestion }) {
  const client = useTRPCClient();
  const run = async (format: "csv" | "json") => {
    const working = (rows: number) =>
      ({ tone: "working", text: `Collecting flows: ${text(count(rows))}` }) as const;
    const id = showToast(working(0));
    try {
      const input = { ...historyInput(question), limit: EXPORT_PAGE_ROWS };
      const { rows, cut, matched } = await collectRows(
        (cursor) => client.flows.search.query({ ...input, cursor }),
        (n) => showToast(working(n), id),
      );
      const name = `flows-${new Date(input.range.to).toISOString().slice(0, 19).replaceAll(":", "")}.${format}`;
      if (format === "csv") save(name, "text/csv", toCsv(rows));
      else save(name, "application/json", JSON.stringify(rows, null, 1));
      const all = cut
        ? `Cut at ${text(count(rows.length))} of ${text(count(matched))}: narrow the filter or the time for the rest.`
        : undefined;
      showToast(
        { tone: cut ? "failed" : "done", text: `${text(count(rows.length))} flows saved`, detail: all },
        id,
      );
    } catch (error) {
      showToast({ tone: "failed", text: "The export failed", detail: problemOf(error).title }, id);
    }
  };
  return (
    <Menu
      trigger={
        <Button size="sm" variant="quiet">
          <Download size={14} aria-hidden />
          Export
        </Button>
      }
    >
      <MenuLabel>What is filtered, at most {text(count(EXPORT_ROWS_MAX))} flows</MenuLabel>
      <MenuItem onSelect={() => void run("csv")}>CSV</MenuItem>
      <MenuItem onSelect={() => void run("json")}>JSON</MenuItem>
    </Menu>
  );
}
