/**
 * Programs at devices, pinned: by tcx, or where the kernel has none by a filter of classic tc; what a netkit pair's pod sends
 * by the pair's own hook. Always first in the chain: a program of somebody else that ends it would hide packets from a later one.
 */

import { createHash } from "node:crypto";
import fs from "node:fs";
import {
  type Attach,
  BpfError,
  type BpfLink,
  type BpfProgram,
  openPinnedLink,
} from "@millrace/native/native";
import type { HookKind } from "./hook-kind.ts";
import type { MendedHooks } from "./place.ts";

export type DeviceSide = { ifindex: number; netns: string; direction: "ingress" | "egress" };
type DeviceAttach = Extract<Attach, { kind: HookKind }>;
export type AttachAt = (side: DeviceSide) => DeviceAttach;
type HookAttach = DeviceAttach | Extract<Attach, { kind: "netkit" }>;

const OUR_FILTERS = 0x6d72;

/** Filters of classic tc have no owner but their handle: it says whose they are, and of which life of the maps. */
export function attachBy(kind: HookKind, life: { directory: string; generation: string }): AttachAt {
  if (kind === "tcx") return (side) => ({ kind, position: "first", ...side });
  const hash = createHash("sha256").update(`${life.directory}/${life.generation}`).digest();
  const handle = OUR_FILTERS * 2 ** 16 + hash.readUInt16BE();
  return (side) => ({ kind, handle, ...side });
}

/**
 * What is pinned there, with this program from now on; made anew where there is none or it is elsewhere. `at`: the index of
 * the device that its link names, when it isn't the one that it was asked for by.
 */
export function takeHook(
  file: string,
  program: BpfProgram,
  attach: HookAttach,
  at = attach.ifindex,
): BpfLink {
  return adopt(file, program, attach.kind, at) ?? make(file, program, attach);
}

/** Detached at once, also when somebody else holds it. */
export function endHook(file: string, held?: BpfLink): void {
  const link = held ?? (fs.existsSync(file) ? openPinnedLink(file) : undefined);
  link?.detach();
  link?.close();
}

/** Whose device or namespace has gone: nothing was taken off. */
const GONE = new Set(["ENODEV", "ENOENT"]);

/**
 * Its successor, where a filter was taken off and could be put on again; what came of it is noted in `report` under
 * `name`. Of a link only a device's end is the end.
 */
export function mendHook(
  held: BpfLink,
  take: () => BpfLink,
  name: string,
  report: MendedHooks,
): BpfLink | undefined {
  const { type, ifindex } = held.info();
  if (type !== "tc" || ifindex !== 0) return undefined;
  try {
    const link = take();
    held.close();
    report.mended.push(name);
    return link;
  } catch (error) {
    if (!(error instanceof BpfError && GONE.has(error.code)))
      report.off.push(`${name}: ${(error as Error).message}`);
    return undefined;
  }
}

function adopt(file: string, program: BpfProgram, kind: HookAttach["kind"], at: number): BpfLink | undefined {
  if (!fs.existsSync(file)) return undefined;
  const link = openPinnedLink(file);
  const { type, ifindex } = link.info();
  if (type === kind && ifindex === at) {
    link.update(program);
    return link;
  }
  endHook(file, link);
  return undefined;
}

function make(file: string, program: BpfProgram, attach: HookAttach): BpfLink {
  if (attach.kind === "tc") return program.attach({ ...attach, pin: file });
  const link = program.attach(attach);
  try {
    link.pin(file);
  } catch (error) {
    link.close();
    throw error;
  }
  return link;
}
