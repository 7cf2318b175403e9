/** `millrace observe`: flows from the store, then live from exactly there. */
import type { Completeness, FlowRow } from "@millrace/contract/flow";
import { Milliseconds } from "@millrace/contract/ids";
import { parseDuration, percent, text } from "@millrace/contract/units";
import { Command, Option } from "commander";
import { type Client, connect } from "./client.ts";
import { UsageError } from "./failure.ts";
import { addFilterFlags, filterText } from "./observe-filter.ts";
import { FORMATS, type Format, formatFlow, tableHead } from "./observe-format.ts";

const PAGE = 1000;
const MOST = 100_000;
type Options = {
  follow?: boolean;
  last?: number;
  since?: string;
  until?: string;
  output: Format;
  printRawFilters?: boolean;
};

export function observeCommand(): Command {
  const command = new Command("observe")
    .description("show flows: the last ones, those of a time range, and with --follow what comes")
    .option("-f, --follow", "after the stored flows, print flows as they come")
    .option("--last <n>", "the last N flows (default 20, or all since --since)", wholeNumber)
    .option("--since <when>", "from: a duration back (5m, 2h) or a time (2026-01-31T12:00:00Z)")
    .option("--until <when>", "to: likewise; default now")
    .option("--print-raw-filters", "print the filter that the flags mean, and ask nothing")
    .addOption(new Option("-o, --output <format>", "output").choices(FORMATS).default("compact"));
  return addFilterFlags(command).action((options: Options, self: Command) => observe(self, options));
}

async function observe(command: Command, options: Options): Promise<void> {
  if (options.follow && options.until)
    throw new UsageError("--until has an end and --follow has none: give one of them");
  const filter = filterText(options as unknown as Record<string, unknown>);
  if (options.printRawFilters) return print(filter);
  const range = rangeOf(options, Date.now());
  const client = connect(command);
  const limit = options.last ?? (options.since ? Number.POSITIVE_INFINITY : 20);
  const { rows, snapshot, completeness, cut } = await stored(client, filter, range, limit);
  if (options.output === "table" || options.output === "tab") print(tableHead());
  for (const row of rows.reverse()) print(formatFlow(row, options.output));
  if (cut) note(`more flows match than ${MOST}: narrow the range or the filter`);
  sayIncomplete(completeness);
  if (options.follow) await follow(client, filter, snapshot, options.output);
}

/** Newest first, page by page, up to `limit`; MOST at most, and says when that cut something off. */
async function stored(
  client: Client,
  filter: string,
  range: { from: Milliseconds; to: Milliseconds },
  limit: number,
) {
  const rows: FlowRow[] = [];
  const most = Math.min(limit, MOST);
  let cursor: string | null = null;
  let first: Awaited<ReturnType<typeof client.flows.search.query>> | undefined;
  do {
    const page: Awaited<ReturnType<typeof client.flows.search.query>> = await client.flows.search.query({
      range,
      filter,
      cursor,
      limit: Math.max(1, Math.min(PAGE, most - rows.length)),
    });
    first ??= page;
    rows.push(...page.rows);
    cursor = page.nextCursor;
  } while (cursor && rows.length < most);
  const cut = cursor !== null && limit > MOST;
  return { rows, snapshot: first.snapshot, completeness: first.completeness, cut };
}

function follow(client: Client, filter: string, snapshot: string, format: Format): Promise<void> {
  return new Promise((resolve, reject) => {
    const subscription = client.flows.tail.subscribe(
      { filter, snapshot },
      {
        onData: ({ data }) => {
          for (const row of data.rows) print(formatFlow(row, format));
          if (data.notShown > 0) note(`${data.notShown} more updates matched and are not shown`);
        },
        onError: reject,
        onComplete: resolve,
      },
    );
    process.once("SIGINT", () => {
      subscription.unsubscribe();
      resolve();
    });
  });
}

function rangeOf(options: Options, nowMs: number): { from: Milliseconds; to: Milliseconds } {
  const from = options.since ? instant("--since", options.since, nowMs) : nowMs - 3_600_000;
  const to = options.until ? instant("--until", options.until, nowMs) : nowMs + 1000;
  if (from >= to) throw new UsageError("--since is not before --until");
  return { from: Milliseconds.parse(from), to: Milliseconds.parse(to) };
}

function instant(flag: string, value: string, nowMs: number): number {
  const back = parseDuration(value);
  if (back !== undefined) return Math.round(nowMs - back / 1000);
  // To JavaScript a bare number is a month or a year.
  if (/^-?\d+(\.\d+)?$/.test(value))
    throw new UsageError(`${flag}: “${value}” has no unit: a duration is like 5m or 2h`);
  const at = Date.parse(value);
  if (Number.isNaN(at)) throw new UsageError(`${flag}: “${value}” is neither a duration like 5m nor a time`);
  return at;
}

function wholeNumber(value: string): number {
  if (!/^[1-9]\d*$/.test(value)) throw new UsageError(`--last: “${value}” is not a whole number`);
  return Number(value);
}

function sayIncomplete(c: Completeness): void {
  if (c.share >= 1 && c.silentHosts.length === 0 && c.lost.length === 0) return;
  const silent = c.silentHosts.length ? `; silent: ${c.silentHosts.map((h) => h.host).join(", ")}` : "";
  const lost = c.lost.length
    ? `; lost: ${c.lost.map((l) => `${l.count} ${l.what} (${l.host})`).join(", ")}`
    : "";
  note(
    `${text(percent(c.share))} complete: ${c.hostsAnswered} of ${c.hostsExpected} hosts answered${silent}${lost}`,
  );
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const note = (line: string): void => void process.stderr.write(`${line}\n`);
