/*
 * What an endpoint counted: its total, apart from any flow, and the classes of packets that have none. total = flows + classes,
 * in each direction.
 */
import { EndpointClass, EndpointLimit, type EndpointNote } from "@millrace/abi/generated/endpoint";
import type { Count } from "./conntrack.ts";
import type { Direction } from "./flow.ts";

export class Account {
  readonly counters: Record<Direction, Count[]> = { egress: zeroes(), ingress: zeroes() };
  readonly notes: number[] = Array(EndpointLimit.EP_NOTES).fill(0);

  add(direction: Direction, which: EndpointClass, bytes: number): void {
    const count = this.counters[direction][which] as Count;
    count.packets++;
    count.bytes += bytes;
  }
  total(direction: Direction, bytes: number): void {
    this.add(direction, EndpointClass.TOTAL, bytes);
  }
  note(notes: Iterable<EndpointNote>): void {
    for (const note of notes) this.notes[note] = (this.notes[note] ?? 0) + 1;
  }
}

const zeroes = (): Count[] =>
  Array.from({ length: EndpointLimit.EP_CLASSES }, () => ({ packets: 0, bytes: 0 }));
