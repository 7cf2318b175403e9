"use client";
import { useTRPCClient } from "@/trpc/client.tsx";
/** Saves what is filtered as a file, made in this browser. */
import { Icon } from "@/ui/icon.tsx";
import { Menu } from "@/ui/menu.tsx";
import type { ExportFormat } from "@/view/file-export.ts";
import { type FlowQuestion, historyInput } from "./history-input.ts";

export function ExportMenu({ question }: { question: FlowQuestion }) {
  const client = useTRPCClient();
  const run = async (format: ExportFormat) => {
    const { exportFlows } = await import("./flow-export.ts");
    const input = historyInput(question);
    const pages = (limit: number) => (cursor: string | null) =>
      client.flows.search.query({ ...input, limit, cursor });
    await exportFlows(format, input.range.to, pages);
  };
  return (
    <Menu
      entries={[
        {
          kind: "label",
          id: "what",
          title: "What is filtered, at most 50 k flows",
        },
        { kind: "item", id: "csv", title: "CSV", run: () => void run("csv") },
        { kind: "item", id: "json", title: "JSON", run: () => void run("json") },
      ]}
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
