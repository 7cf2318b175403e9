// Checks of what network configuration is made of: addresses, names of devices, numbers of the kernel. As args.ts, and
// as there nothing knows whether a device or an address exists.
import { isIP } from "node:net";
import * as args from "./args.ts";

export const MOST_IFINDEX = 0x7fff_ffff;
const MOST_NAME_BYTES = 15;
const MOST_ALIAS_BYTES = 255;

export function ifindex(value: unknown, name: string): number {
  return args.integer(value, name, 1, MOST_IFINDEX);
}

/** Not a template such as `eth%d`, which the kernel would fill in. */
export function deviceName(value: unknown, name: string): string {
  const given = args.text(value, name);
  if (Buffer.byteLength(given) > MOST_NAME_BYTES || /[/:%\s]/.test(given) || given === "." || given === "..")
    throw new RangeError(`${name}: expected an interface's name, got '${given}'`);
  return given;
}

/** Empty takes it away. */
export function alias(value: unknown, name: string): string {
  if (value === "") return "";
  const given = args.text(value, name);
  if (Buffer.byteLength(given) > MOST_ALIAS_BYTES)
    throw new RangeError(`${name}: expected at most ${MOST_ALIAS_BYTES} bytes`);
  return given;
}

/** IPv4 or IPv6, without a zone. */
export function address(value: unknown, name: string): string {
  const given = args.text(value, name);
  if (isIP(given) === 0 || given.includes("%"))
    throw new RangeError(`${name}: expected an IP address, got '${given}'`);
  return given;
}

export function mac(value: unknown, name: string): string {
  const given = args.text(value, name);
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(given))
    throw new RangeError(`${name}: expected a link address such as 02:00:00:00:00:01, got '${given}'`);
  return given;
}

export function prefixLength(value: unknown, name: string, of: string): number {
  return args.integer(value, name, 0, isIP(of) === 4 ? 32 : 128);
}

/** `10.0.0.0/8`, `fd00::/8`; everything is `0.0.0.0/0` or `::/0`. */
export function prefix(value: unknown, name: string): { address: string; length: number } {
  const given = args.text(value, name);
  const [head = "", length = "", ...rest] = given.split("/");
  if (rest.length > 0 || !/^\d{1,3}$/.test(length))
    throw new RangeError(`${name}: expected a prefix such as 10.0.0.0/8, got '${given}'`);
  return { address: address(head, name), length: prefixLength(Number(length), name, head) };
}

/** `check` for what is given, undefined for what isn't. */
export function optional<T>(
  check: (value: unknown, name: string) => T,
  value: unknown,
  name: string,
): T | undefined {
  return value === undefined ? undefined : check(value, name);
}

/** A check of a number for `optional`. */
export function range(least: number, most: number): (value: unknown, name: string) => number {
  return (value, name) => args.integer(value, name, least, most);
}
