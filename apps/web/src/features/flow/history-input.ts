/** What the flow table and its drawer ask for, alike on the server and in the browser, so that one answers for the other. */
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

/** The time of a view moves on by steps, and flows that are drawn live come after its last one. */
export const reached = (choice: TimeChoice, { from, to }: Range): Range =>
  choice.kind === "live" ? { from, to: to + CLOCK_SLACK_MS } : { from, to };

export function historyInput({ choice, range, filter, sort }: FlowQuestion) {
  return {
    range: reached(choice, range),
    filter,
    sort: sort.key,
    descending: sort.descending,
    limit: PAGE_ROWS,
  };
}

/** What the table shows: a live one's history was asked for when the page came, but its rows go on to now. */
export const shownQuestion = (asked: FlowQuestion, held: FlowQuestion): FlowQuestion =>
  held.choice.kind === "live" ? asked : held;
