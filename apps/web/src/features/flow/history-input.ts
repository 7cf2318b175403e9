/** What the flow table asks for, alike on the server and in the browser, so that one answers for the other. */
import type { Range, TimeChoice } from "@/view/time-range.ts";
import { type FlowSort, PAGE_ROWS } from "./flow-params.ts";

export type FlowQuestion = {
  choice: TimeChoice;
  range: Range;
  filter: string;
  sort: { key: FlowSort; descending: boolean };
};

/** Hosts' clocks may run ahead of ours; what they have just reported belongs to now. */
const CLOCK_SLACK_MS = 60_000;

export function historyInput({ choice, range, filter, sort }: FlowQuestion) {
  const to = choice.kind === "live" ? range.to + CLOCK_SLACK_MS : range.to;
  return {
    range: { from: range.from, to },
    filter,
    sort: sort.key,
    descending: sort.descending,
    limit: PAGE_ROWS,
  };
}
