/** What the flows page keeps in its address besides time and filter: the order, the selected row, the drawer. */
import type { FlowSearchInput } from "@millrace/contract/flow";
import { parseAsBoolean, parseAsString } from "nuqs/server";
import type { z } from "zod";
import { parseAsSort } from "@/view/url-params.ts";

export type FlowSort = NonNullable<z.input<typeof FlowSearchInput>["sort"]>;
/** Named again, so that the page's script needn't carry the schemas; `satisfies` keeps them in step. */
const SORTS = Object.keys({
  lastSeen: true,
  firstSeen: true,
  bytes: true,
  packets: true,
  rtt: true,
  retransmits: true,
  drops: true,
} satisfies Record<FlowSort, true>) as FlowSort[];

export const PAGE_ROWS = 500;
export const flowParams = {
  sort: parseAsSort<FlowSort>(SORTS).withDefault({ key: "lastSeen", descending: true }),
  flow: parseAsString,
  open: parseAsBoolean.withDefault(false),
};
