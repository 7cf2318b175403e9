/**
 * A trace that is being asked for, as an address: any page can offer one, the form reads it back. Only names
 * and numbers, checked by the form and again by the API.
 */
import type { TraceFilter } from "@millrace/contract/trace";
import type { TraceKind } from "@millrace/contract/trace-kind";
import { href } from "./url-state.ts";

export type TraceWish = { kind: TraceKind; hosts: readonly string[]; filter: TraceFilter };

export function newTraceHref(wish: TraceWish): string {
  const { filter } = wish;
  return href("/traces/new", {
    kind: wish.kind,
    hosts: [...new Set(wish.hosts)].join(","),
    namespace: filter.namespace,
    pod: filter.pod,
    container: filter.container,
    ipA: filter.ipA,
    portA: filter.portA,
    ipB: filter.ipB,
    portB: filter.portB,
    proto: filter.proto,
  });
}
