/** Text on its way to a terminal, and what happens when its reader goes away. JSON output needs neither. */
import { leave } from "./leaving.ts";

/** Names come from containers: one must not move the cursor, name the window or draw a line of its own. */
export const plain = (text: string): string =>
  text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** A reader that goes away (`| head`) ends us quietly, as it does any filter. */
export function endWithReader(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => leave(error.code === "EPIPE" ? 0 : 1));
}
