/** Where a page of history ended, opaque to whoever carries it: base64url of JSON, checked when it comes back. */
import { AppError } from "@millrace/contract/error";
import { z } from "zod";

const Cursor = z.object({
  /** The sort key and the flow that had it. */
  key: z.int(),
  flowId: z.guid(),
  fromUs: z.int().nonnegative().optional(),
  /** What the first page counted, so that the next ones need not. */
  matched: z.object({ count: z.number(), capped: z.boolean() }),
});
export type Cursor = z.infer<typeof Cursor>;

export const encodeCursor = (cursor: Cursor): string =>
  Buffer.from(JSON.stringify(cursor)).toString("base64url");

export function decodeCursor(text: string | null | undefined): Cursor | null {
  if (!text) return null;
  try {
    return Cursor.parse(JSON.parse(Buffer.from(text, "base64url").toString()));
  } catch (cause) {
    const publicMessage = "The cursor is not one that this search gave";
    throw new AppError("BAD_REQUEST", publicMessage, { publicMessage, cause });
  }
}
