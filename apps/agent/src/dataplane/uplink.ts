/**
 * The device to other hosts, and the hook at it, pinned: what arrives for pods goes into them while no agent runs, too. One device at a time;
 * another's hook goes when this one's is there.
 */
import fs from "node:fs";
import path from "node:path";
import { type BpfLink, type BpfProgram, links, listRoutes, openPinnedLink } from "@millrace/native/native";
import type { Uplink } from "../network/uplink.ts";
import type { Pins } from "./pins.ts";

/** The named device, or that of the default route. */
export function findUplink(hostNetns: string, name: string | undefined, tunnelPort: number): Uplink {
  const devices = links(hostNetns);
  const isDefault = (destination: string) => destination === "0.0.0.0/0" || destination === "::/0";
  const route = listRoutes({ netns: hostNetns }).find(({ destination }) => isDefault(destination));
  const found = devices.find((one) =>
    name === undefined ? one.ifindex === route?.ifindex : one.name === name,
  );
  if (!found)
    throw new Error(
      name === undefined
        ? "no default route tells the device to other hosts: name it with --uplink"
        : `--uplink: there is no device ${name}; there are ${devices.map((one) => one.name).join(", ")}`,
    );
  const { ifindex, mac, mtu } = found;
  const addresses = found.addresses.filter(({ scope }) => scope === 0).map(({ address }) => address);
  return { name: found.name, ifindex, mac, mtu, tunnelPort, addresses };
}

export function takeUplink(
  pins: Pins,
  program: BpfProgram,
  at: { ifindex: number; netns: string } | undefined,
): BpfLink | undefined {
  const file = at && pins.uplink(at.ifindex);
  const link = file && (adopt(file, at.ifindex, program) ?? make(file, at, program));
  for (const other of pins.uplinks())
    if (path.basename(other) !== (file && path.basename(file))) pins.remove(other);
  return link || undefined;
}

function adopt(file: string, ifindex: number, program: BpfProgram): BpfLink | undefined {
  if (!fs.existsSync(file)) return undefined;
  const link = openPinnedLink(file);
  if (link.info().ifindex === ifindex) {
    link.update(program);
    return link;
  }
  link.close();
  fs.rmSync(file);
  return undefined;
}

function make(file: string, at: { ifindex: number; netns: string }, program: BpfProgram): BpfLink {
  const link = program.attach({ kind: "tcx", direction: "ingress", position: "first", ...at });
  try {
    link.pin(file);
  } catch (error) {
    link.close();
    throw error;
  }
  return link;
}
