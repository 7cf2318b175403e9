// Settings of a namespace by sysctl, and what a device leaves to the hardware behind it. Which are wanted is the
// caller's part.
import * as args from "./args.ts";
import { binding } from "./binding.ts";
import * as net from "./net-args.ts";

/** What isn't given stays as it is. */
export interface Offload {
  /** Checksums of what is sent are left to the device. */
  txChecksum?: boolean;
  /** TCP goes down unsegmented. */
  tso?: boolean;
  /** UDP goes down unsegmented. since: 4.18 */
  txUdpSegmentation?: boolean;
  /** What arrives is merged. */
  gro?: boolean;
}

/** `name` as below /proc/sys, such as `net/ipv4/ip_forward`. */
export function readSetting(nsPath: string | undefined, name: string): string {
  const where = "readSetting";
  return binding.readSetting(args.optionalText(nsPath, `${where} path`), settingName(name, `${where} name`));
}

export function writeSetting(nsPath: string | undefined, name: string, value: string): void {
  const where = "writeSetting";
  binding.writeSetting(
    args.optionalText(nsPath, `${where} path`),
    settingName(name, `${where} name`),
    args.text(value, `${where} value`),
  );
}

/** EOPNOTSUPP for a switch this device doesn't have. One that depends on another stays off until that one is on. */
export function setOffload(nsPath: string | undefined, device: string, offload: Offload): void {
  const where = "setOffload";
  args.required(offload, where, ["txChecksum", "tso", "txUdpSegmentation", "gro"]);
  binding.setOffload(args.optionalText(nsPath, `${where} path`), net.deviceName(device, `${where} device`), {
    txChecksum: net.optional(args.boolean, offload.txChecksum, `${where} txChecksum`),
    tso: net.optional(args.boolean, offload.tso, `${where} tso`),
    txUdpSegmentation: net.optional(args.boolean, offload.txUdpSegmentation, `${where} txUdpSegmentation`),
    gro: net.optional(args.boolean, offload.gro, `${where} gro`),
  });
}

function settingName(value: unknown, name: string): string {
  const given = args.text(value, name);
  const parts = given.split("/");
  if (parts[0] !== "net" || parts.length < 2 || parts.some((part) => part === "" || /^\.+$/.test(part)))
    throw new RangeError(`${name}: expected a file below net/, got '${given}'`);
  return given;
}
