"use client";
/** Saves what is filtered as a file, made in this browser. Which rows is the page's. */
import { count, text } from "@millrace/contract/units";
import { Icon } from "@/ui/icon.tsx";
import { Menu } from "@/ui/menu.tsx";
import { showToast } from "@/ui/toast.tsx";
import { EXPORT_ROWS_MAX } from "./export-limit.ts";
import type { Export, ExportWish } from "./export-run.ts";
import type { ExportFormat } from "./file-export.ts";
import { problemOf } from "./problem.ts";

type ExportMenuProps<Row> = {
  /** The rows' plural: flows. */
  what: string;
  /** Loads what makes the file, when somebody exports. */
  load: () => Promise<Export<Row>>;
};

export function ExportMenu<Row>({ what, load }: ExportMenuProps<Row>) {
  const entry = (format: ExportFormat, title: string) =>
    ({ kind: "item", id: format, title, run: () => void start({ what, format, load }) }) as const;
  const about = `What is filtered, at most ${text(count(EXPORT_ROWS_MAX))} ${what}`;
  return (
    <Menu
      entries={[{ kind: "label", id: "what", title: about }, entry("csv", "CSV"), entry("json", "JSON")]}
      button={{
        size: "sm",
        variant: "quiet",
        children: (
          <>
            <Icon name="download" />
            Export
          </>
        ),
      }}
    />
  );
}

async function start<Row>(wish: ExportWish<Row>): Promise<void> {
  try {
    const { runExport } = await import("./export-run.ts");
    await runExport(wish);
  } catch (error) {
    showToast({ tone: "failed", text: "The export can't be started", detail: problemOf(error).title });
  }
}
