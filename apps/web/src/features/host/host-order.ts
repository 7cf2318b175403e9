/** Order, search and colouring of the fleet. Pure, since the list may hold a hundred thousand hosts. */
import type { HostSummary } from "@millrace/contract/host";
import { HOST_STATE, HOST_STATE_ORDER } from "@/view/state-mark.tsx";
import type { GridColor, HostSort } from "./host-params.ts";

const VALUE: Record<HostSort, (host: HostSummary) => number | string> = {
  name: (h) => h.name,
  state: (h) => HOST_STATE_ORDER.indexOf(h.state),
  pods: (h) => h.pods,
  flows: (h) => h.flowsPerSecond,
  bytes: (h) => h.bytesPerSecond,
  drops: (h) => h.dropsPerSecond,
  cpu: (h) => h.cpuShare ?? -1,
  memory: (h) => h.residentBytes ?? -1,
  table: (h) => h.flowTableShare ?? -1,
  seen: (h) => h.lastSeenMs ?? 0,
};

export function arrangeHosts(
  hosts: readonly HostSummary[],
  find: string,
  sort: { key: HostSort; descending: boolean },
): HostSummary[] {
  const wanted = find.trim().toLowerCase();
  const value = VALUE[sort.key];
  const sign = sort.descending ? -1 : 1;
  return hosts
    .filter(
      (h) => !wanted || `${h.name} ${h.kernel} ${h.agentVersion} ${h.state}`.toLowerCase().includes(wanted),
    )
    .sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      const order = x < y ? -1 : x > y ? 1 : a.name.localeCompare(b.name, "en", { numeric: true });
      return sign * order;
    });
}

/** Load is the agent's share of one core; above this it stands out. */
const LOUD_CPU = 0.25;

/** The token and how strong: state by colour, load and fill by strength of one hue. */
export function paintOf(host: HostSummary, by: GridColor): { token: string; alpha: number } {
  if (by === "state") return { token: HOST_STATE[host.state].color, alpha: host.state === "ok" ? 0.75 : 1 };
  const share =
    by === "load" ? (host.cpuShare === null ? null : host.cpuShare / LOUD_CPU) : host.flowTableShare;
  if (share === null) return { token: "--state-unknown", alpha: 0.35 };
  return { token: share >= 0.9 ? "--state-bad" : "--series-1", alpha: 0.15 + 0.85 * Math.min(1, share) };
}

/** Squares as large as fit, no smaller than can be hit and no larger than a glance needs. */
export function gridOf(
  hosts: number,
  width: number,
  height: number,
): { cell: number; columns: number; rows: number } {
  for (let cell = 20; cell > 4; cell--) {
    const columns = Math.max(1, Math.floor(width / cell));
    const rows = Math.ceil(hosts / columns);
    if (rows * cell <= height) return { cell, columns, rows };
  }
  const columns = Math.max(1, Math.floor(width / 4));
  return { cell: 4, columns, rows: Math.ceil(hosts / columns) };
}
