/*
 * The drop reasons of the running kernel, by name and number, and their classes as the agent fills them in.
 */
import { readFileSync } from "node:fs";
import { dropReason, dropReasonName } from "@millrace/abi/drop-reasons";
import { DROP_PLACE_SIZE, DropClass, encodeDropPlace } from "@millrace/abi/generated/event";
import { type BpfMap, type BpfObject, BtfView } from "@millrace/native/native";
import { u32, viewOf } from "./observer.ts";

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

/** As the agent does from its table: this reason is an ordinary end when this function of the kernel says it. */
export function setOrdinaryPlace(object: BpfObject, reasonName: string, place: string): void {
  const reason = reasonNumber(reasonName);
  const value = Buffer.alloc(DROP_PLACE_SIZE);
  encodeDropPlace({ ...functionRange(place), reason, dropClass: DropClass.ORDINARY }, viewOf(value));
  object.map("drop_places").update(u32(0), value);
  object.map("drop_classes").update(u32(reason), u32(DropClass.BY_PLACE));
}

function functionRange(name: string): { start: bigint; end: bigint } {
  const lines = readFileSync("/proc/kallsyms", "latin1").split("\n");
  const at = lines.findIndex((line) => / [tT] /.test(line) && line.split(/[ \t]/)[2] === name);
  if (at < 0) throw new Error(`the kernel has no function ${name}`);
  const address = (line = "") => BigInt(`0x${line.slice(0, 16)}`);
  const start = address(lines[at]);
  const next = lines.slice(at).find((line) => address(line) > start);
  return { start, end: address(next) };
}
