/**
 * The device to other hosts, and the hook at it, pinned: what arrives for pods goes into them while no agent runs, too. One device at a time;
 * another's hook goes when this one's is there.
 */
import path from "node:path";
import { type BpfLink, type BpfProgram, links, listRoutes } from "@millrace/native/native";
import type { Uplink } from "../network/uplink.ts";
import { type AttachAt, endHook, takeHook } from "./device-hook.ts";
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
  attachAt: AttachAt,
): BpfLink | undefined {
  const file = at && pins.uplink(at.ifindex);
  const link = file && takeHook(file, program, attachAt({ ...at, direction: "ingress" }));
  for (const other of pins.uplinks())
    if (path.basename(other) !== (file && path.basename(file))) endHook(other);
  return link || undefined;
}
