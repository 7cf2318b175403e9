/** The filter of a request, read once: every problem of it is the caller's, with its place. */
import { AppError } from "@millrace/contract/error";
import { type Filter, parseFilter } from "@millrace/contract/filter";

export function readFilter(text: string): Filter {
  const filter = parseFilter(text);
  const problems = filter.problems.map((p) => `${p.message} (at ${p.start + 1}–${p.end})`);
  if (text.includes("\0")) problems.push("a NUL character can't be in a filter");
  if (problems.length === 0) return filter;
  const message = problems.join("; ");
  throw new AppError("BAD_FILTER", message, { publicMessage: `The filter can't be read: ${message}` });
}
