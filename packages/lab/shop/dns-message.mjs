// DNS messages as bytes: one question in, one answer out of a table of "type name" → address. No sockets, no
// compression beyond the pointer to the question, no recursion.
import { isIPv6 } from "node:net";

export const TYPE = { A: 1, AAAA: 28 };
const HEADER_BYTES = 12;
const TTL_SECONDS = 5;

function addressBytes(address) {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const groups = (text) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [front, back] = [groups(head), groups(tail)];
  const all = [...front, ...Array(8 - front.length - back.length).fill(0), ...back];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** { name, type, end } of the first question; undefined for anything that isn't one. */
export function question(query) {
  if (query.length < HEADER_BYTES + 5) return undefined;
  const labels = [];
  let at = HEADER_BYTES;
  for (let length = query[at]; length > 0; length = query[at]) {
    if (length > 63 || at + 1 + length >= query.length) return undefined;
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > query.length) return undefined;
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

export function reply(query, table) {
  const asked = question(query);
  if (!asked) return undefined;
  const address = table.get(`${asked.type} ${asked.name}`);
  const known = Object.values(TYPE).some((type) => table.has(`${type} ${asked.name}`));
  const data = address ? addressBytes(address) : undefined;
  const header = Buffer.from(query.subarray(0, HEADER_BYTES));
  // Answer, authoritative, the asker's recursion bit; NXDOMAIN when the name has no address at all.
  header.writeUInt16BE(0x8400 | (header.readUInt16BE(2) & 0x0100) | (known ? 0 : 3), 2);
  for (const [at, value] of [
    [4, 1],
    [6, data ? 1 : 0],
    [8, 0],
    [10, 0],
  ]) {
    header.writeUInt16BE(value, at);
  }
  const parts = [header, query.subarray(HEADER_BYTES, asked.end)];
  if (data) {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
    record.writeUInt16BE(asked.type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(TTL_SECONDS, 6);
    record.writeUInt16BE(data.length, 10);
    parts.push(record, data);
  }
  return Buffer.concat(parts);
}
