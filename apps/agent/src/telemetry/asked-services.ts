/**
 * What services the flows of one table were asked for: the kernel is asked once for all that open in it, not once for
 * each. What it noted of a connection may be gone when that has been open for long, so it is asked only when one opens.
 */
import { SERVICE_KEY_OFFSETS, SERVICE_KEY_SIZE } from "@millrace/abi/generated/service";
import type { Services } from "../dataplane/services.ts";
import { TUPLE_WORDS } from "../translation/tuple.ts";
import { type FlowTable, KEY } from "./flow-table.ts";
import { KeyList } from "./retire.ts";

const ADDRESS_WORDS = 4;
const KEY_WORDS = SERVICE_KEY_SIZE / 4;
const PORT_WORD = SERVICE_KEY_OFFSETS.port / 4;
const NOT_ASKED = -1;

export class AskedServices {
  readonly #services: Pick<Services, "askedFor">;
  readonly #keys = new KeyList();
  /** By the flow's place in the table, its place among the keys. */
  #places = new Int32Array();
  #answers: Uint32Array = new Uint32Array();

  constructor(services: Pick<Services, "askedFor">) {
    this.#services = services;
  }

  /** `opens`: whether the flow has begun, or begun anew, since it was last reported. */
  take(table: FlowTable, opens: (i: number) => boolean): void {
    this.#keys.clear();
    if (this.#places.length < table.count) this.#places = new Int32Array(table.count);
    for (let i = 0; i < table.count; i++) {
      this.#places[i] = opens(i) ? this.#keys.count : NOT_ASKED;
      if (this.#places[i] !== NOT_ASKED) this.#keys.push(table.keys, table.keyAt(i));
    }
    if (this.#keys.count === 0) return;
    const { count } = this.#keys;
    const answers = this.#services.askedFor(this.#keys.bytes(), count);
    this.#answers = new Uint32Array(answers.buffer, answers.byteOffset, count * KEY_WORDS);
  }

  /** False: the flow was not asked about. */
  isTold(i: number): boolean {
    return this.#places[i] !== NOT_ASKED;
  }
  /** Its virtual address and port as the destination of an otherwise empty tuple; false when it asked for none. */
  tuple(i: number, out: Uint32Array): boolean {
    const at = (this.#places[i] as number) * KEY_WORDS;
    const port = (this.#answers[at + PORT_WORD] as number) & 0xffff;
    if (port === 0) return false;
    out.fill(0, 0, TUPLE_WORDS);
    for (let word = 0; word < ADDRESS_WORDS; word++)
      out[KEY.remote + word] = this.#answers[at + word] as number;
    out[KEY.ports] = (port << 16) >>> 0;
    return true;
  }
}
