/**
 * As much of protobuf's wire format as runtimes' lists need: strings, messages and maps of strings. Knows no
 * schema; the fields' numbers are their readers'. Hostile bytes end in a MalformedMessage and nothing else.
 */
export class MalformedMessage extends Error {}

/** A list of as many containers as we take has one field each, a container with its labels far fewer. */
const MAX_FIELDS = 65_536;
const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** The length-delimited fields by number, in their order; numbers are skipped. */
export class Message {
  readonly #fields = new Map<number, Uint8Array[]>();

  constructor(bytes: Uint8Array) {
    const cursor = new Cursor(bytes);
    for (let count = 0; !cursor.atEnd; count++) {
      if (count >= MAX_FIELDS) throw new MalformedMessage(`more than ${MAX_FIELDS} fields`);
      const tag = cursor.varint();
      const number = Math.floor(tag / 8);
      const value = cursor.value(tag % 8);
      if (!value) continue;
      const before = this.#fields.get(number);
      if (before) before.push(value);
      else this.#fields.set(number, [value]);
    }
  }

  messages(number: number): Message[] {
    return (this.#fields.get(number) ?? []).map((bytes) => new Message(bytes));
  }
  /** Of a field that isn't repeated the last counts. */
  message(number: number): Message | undefined {
    const bytes = this.#fields.get(number)?.at(-1);
    return bytes && new Message(bytes);
  }
  texts(number: number): string[] {
    return (this.#fields.get(number) ?? []).map((bytes) => new TextDecoder().decode(bytes));
  }
  /** Undefined when absent or empty, which protobuf doesn't tell apart. */
  text(number: number): string | undefined {
    return this.texts(number).at(-1) || undefined;
  }
  /** A map of strings is a list of messages with key and value. */
  map(number: number): Record<string, string> {
    return Object.fromEntries(
      this.messages(number).map((entry) => [entry.text(1) ?? "", entry.text(2) ?? ""]),
    );
  }
}

class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }
  /** Beyond 2^53 inexact, which is enough to skip it and too much for a length. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new MalformedMessage("ends within a number");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedMessage("a number of more than ten bytes");
  }
  /** The bytes of a delimited field; of others nothing, but their place is passed. */
  value(type: number): Uint8Array | undefined {
    if (type === VARINT) this.varint();
    else if (type === FIXED64) this.#take(8);
    else if (type === FIXED32) this.#take(4);
    else if (type === DELIMITED) return this.#take(this.varint());
    else throw new MalformedMessage(`no wire type ${type}`);
    return undefined;
  }
  #take(size: number): Uint8Array {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new MalformedMessage("ends within a field");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** A message of string fields, or of messages already encoded. */
export function encode(fields: readonly [number: number, value: string | Uint8Array][]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      return [varint(number * 8 + DELIMITED), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}
