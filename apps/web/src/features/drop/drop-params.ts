/** What the drops page keeps in its address besides time and filter. */
import { parseAsBoolean, parseAsString } from "nuqs/server";

export const dropParams = {
  reason: parseAsString,
  ordinary: parseAsBoolean.withDefault(false),
};
