/** A session's stored events, oldest first, a page at a time. */
import { AppError } from "@millrace/contract/error";
import type { TraceEventView } from "@millrace/contract/trace";
import * as repo from "./repo.ts";
import { eventView } from "./view.ts";

export async function listEvents(
  id: string,
  cursor: string | null,
  limit: number,
): Promise<{ events: TraceEventView[]; nextCursor: string | null }> {
  const session = await repo.findSession(id);
  if (!session)
    throw new AppError("NOT_FOUND", `no trace ${id}`, { publicMessage: "There is no such trace" });
  const found = await repo.findEvents(id, readPosition(cursor), limit + 1);
  const shown = found.slice(0, limit);
  const nextCursor = found.length > limit ? String(shown.at(-1)?.id) : null;
  return { events: shown.map((row) => eventView(row, session)), nextCursor };
}

/** The id of the last event seen; none seen yet: 0. */
export function readPosition(text: string | null): bigint {
  if (text === null || text === "") return 0n;
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new AppError("BAD_REQUEST", "not a position of ours", {
    publicMessage: "The cursor is not one of ours",
  });
}
