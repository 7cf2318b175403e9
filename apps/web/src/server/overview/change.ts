/** What changed lately, in words. Pure. */
import type { Overview } from "@millrace/contract/overview";
import type { ChangeRow } from "./repo.ts";

type Change = Overview["changes"][number];
type Told = { text: string; href: string | null };

const hostPage = (name: string): string => `/hosts/${encodeURIComponent(name)}`;

const TELL: Readonly<Record<string, (row: ChangeRow, detail: Record<string, unknown>) => Told>> = {
  "traces.start": (row, { kind, hosts }) => ({
    text: `A ${kind} trace was started on ${named(hosts)}`,
    href: `/traces/${row.target}`,
  }),
  "traces.stopAll": (_, { stopped }) => ({ text: `All traces were stopped (${stopped})`, href: "/traces" }),
  "agents.enrol": (row) => ({ text: `${row.target} was enrolled`, href: hostPage(row.target) }),
  "agents.revoke": (row) => ({ text: `The agent of ${row.target} was revoked`, href: hostPage(row.target) }),
  "retention.set": () => ({ text: "The retention of telemetry was changed", href: "/settings" }),
  "documents.applyAll": (row) => ({ text: `Applied: ${row.target}`, href: null }),
  "documents.delete": (row) => ({ text: `Deleted: ${row.target}`, href: null }),
  "agent started": (row, { version }) => ({
    text: `The agent of ${row.target} started${version ? `, version ${version}` : ""}`,
    href: hostPage(row.target),
  }),
};

function named(hosts: unknown): string {
  const names = Array.isArray(hosts) ? hosts.map(String) : [];
  return names.length > 3 ? `${names.length} hosts` : names.join(", ");
}

export function tell(row: ChangeRow): Change {
  const detail = (row.detail ?? {}) as Record<string, unknown>;
  const told = TELL[row.what]?.(row, detail) ?? { text: `${row.what} ${row.target}`, href: null };
  return { at: row.at, author: row.author, ...told };
}
