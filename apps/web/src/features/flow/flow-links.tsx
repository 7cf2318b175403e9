"use client";
/** Where one goes from a flow: a trace of it, the flows around it. */
import type { FlowRow } from "@millrace/contract/flow";
import { useRouter } from "next/navigation";
import { Button } from "@/ui/button.tsx";
import { useHotkeys } from "@/ui/hotkeys.ts";
import { Icon } from "@/ui/icon.tsx";
import { Menu, type MenuEntry } from "@/ui/menu.tsx";
import { endName, endTerm, hasPorts } from "@/view/end-name.ts";
import { useRefusal } from "@/view/session.ts";
import { newTraceHref, type TraceWish } from "@/view/trace-link.ts";
import { useView } from "@/view/url-state.ts";

const TCP = 6;

/** The opener's port changes with each connection; without it the trace also sees the next one. */
export function traceWish(row: FlowRow): TraceWish {
  const ends = [row.src.host, row.dst.host].filter((host): host is string => host !== null);
  return {
    kind: row.proto === TCP && row.verdict !== "dropped" ? "connections" : "drops",
    hosts: [...row.observers.map((o) => o.host), ...ends],
    filter: {
      ipA: row.src.ip,
      ipB: row.dst.ip,
      portB: hasPorts(row.proto) && row.dst.port > 0 ? row.dst.port : null,
      proto: row.proto,
    },
  };
}

export function TraceFlow({ row }: { row: FlowRow }) {
  const router = useRouter();
  const refusal = useRefusal("traces.start");
  const go = () => router.push(newTraceHref(traceWish(row)));
  useHotkeys([{ key: "t", run: () => refusal === null && go() }]);
  return (
    <Button size="sm" variant="primary" refusal={refusal} onClick={go}>
      <Icon name="traces" />
      Trace this flow
    </Button>
  );
}

export function RelatedFlows({ row }: { row: FlowRow }) {
  const { setFilter } = useView();
  const src = endTerm(row.src, "src");
  const dst = endTerm(row.dst, "dst");
  const quote = (value: string) => (/[\s,"]/.test(value) ? `"${value}"` : value);
  const from = `${src.field}=${quote(src.value)}`;
  const to = `${dst.field}=${quote(dst.value)}`;
  const narrow = (id: string, title: string, filter: string): MenuEntry => ({
    kind: "item",
    id,
    title,
    run: () => setFilter(filter),
  });
  const entries = [
    narrow("pair", `${endName(row.src)} → ${endName(row.dst)}`, `${from} ${to}`),
    narrow("to", `everything to ${dst.value}`, to),
    narrow("from", `everything from ${src.value}`, from),
  ];
  if (row.dropReason)
    entries.push(narrow("reason", `dropped for ${row.dropReason}`, `reason=${row.dropReason}`));
  return (
    <Menu
      align="start"
      entries={entries}
      button={{
        size: "sm",
        children: (
          <>
            Related flows <span aria-hidden>▾</span>
          </>
        ),
      }}
    />
  );
}
