// As much of Redis's protocol as the shop speaks, as text in and out: commands are arrays of strings, replies
// are of the simple kinds. No sockets; those are redis-client.mjs's.

export const encode = (parts) =>
  `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join("")}`;

/** One reply from the front of `text`: { value, rest }, or undefined when it isn't all there yet. */
export function decode(text) {
  const end = text.indexOf("\r\n");
  if (end < 0) return undefined;
  const [kind, head, rest] = [text[0], text.slice(1, end), text.slice(end + 2)];
  if (kind === "+") return { value: head, rest };
  if (kind === ":") return { value: Number(head), rest };
  if (kind === "-") return { value: new Error(head), rest };
  if (kind !== "$") throw new Error(`redis sent a reply of kind '${kind}'`);
  const length = Number(head);
  if (length < 0) return { value: null, rest };
  return rest.length < length + 2
    ? undefined
    : { value: rest.slice(0, length), rest: rest.slice(length + 2) };
}
