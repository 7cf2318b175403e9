"use client";
import { useTRPCClient } from "@/trpc/client.tsx";
/** Saves the audit as it is filtered. */
import { Icon } from "@/ui/icon.tsx";
import { Menu } from "@/ui/menu.tsx";
import type { ExportFormat } from "@/view/file-export.ts";

export function AuditExportMenu({ author, action }: { author: string | null; action: string | null }) {
  const client = useTRPCClient();
  const run = async (format: ExportFormat) => {
    const { AUDIT_PAGE_ROWS, exportAudit } = await import("./audit-export.ts");
    await exportAudit(format, Date.now(), (cursor) =>
      client.audit.list.query({ author, action, cursor, limit: AUDIT_PAGE_ROWS }),
    );
  };
  return (
    <Menu
      entries={[
        { kind: "label", id: "what", title: "What is filtered, at most 50 k entries" },
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
