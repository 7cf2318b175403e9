/*
 * The drop reasons of the running kernel, by name and number, and their classes as the agent fills them in.
 */
import { dropReason, dropReasonName } from "@millrace/abi/drop-reasons";
import { DropClass } from "@millrace/abi/generated/event";
import { type BpfMap, BtfView } from "@millrace/native/native";
import { u32 } from "./observer.ts";

let numbers: Map<string, number> | undefined;

function reasonNumbers(): Map<string, number> {
  if (numbers) return numbers;
  numbers = new Map();
  for (const { name, value } of BtfView.vmlinux().enumValues("skb_drop_reason") ?? []) {
    const short = dropReasonName(name);
    if (short) numbers.set(short, Number(value));
  }
  return numbers;
}

export function reasonNumber(name: string): number {
  const number = reasonNumbers().get(name);
  if (number === undefined) throw new Error(`this kernel has no drop reason ${name}`);
  return number;
}

export function reasonNameOf(number: number): string {
  for (const [name, value] of reasonNumbers()) if (value === number) return name;
  return String(number);
}

export function fillDropClasses(map: BpfMap): void {
  for (const [name, number] of reasonNumbers()) {
    const loss = dropReason(name).class === "loss";
    if (number < map.maxEntries) map.update(u32(number), u32(loss ? DropClass.LOSS : DropClass.ORDINARY));
  }
}
