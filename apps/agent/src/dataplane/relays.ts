/** Who came to a node port of this host, and which backend the kernel gave it: `relays`. */
import os from "node:os";
import { encodeTranslationKey, TRANSLATION_KEY_SIZE } from "@millrace/abi/generated/nat";
import { RELAY_SIZE, readRelay } from "@millrace/abi/generated/service";
import type { BpfMap } from "@millrace/native/native";
import { addressBytes, addressText } from "../endpoint/address.ts";
import { encoded, viewOf } from "./forwarding.ts";
import type { RelayClient } from "./services.ts";

export function relayed(map: BpfMap, client: RelayClient): string | undefined {
  const [remote, address] = [addressBytes(client.remote), addressBytes(client.address)];
  if (!remote || !address) return undefined;
  const { remotePort, port, protocol } = client;
  const key = { remote, address, remotePort, port, proto: protocol };
  const found = map.lookup(encoded(TRANSLATION_KEY_SIZE, (view) => encodeTranslationKey(key, view)));
  return found ? addressText(readRelay(viewOf(found as Buffer), 0).address) : undefined;
}

export function relayedTo(map: BpfMap, seconds: number): Set<string> {
  const { count, values } = map.readAll();
  const view = viewOf(values);
  const since = os.uptime() - seconds;
  const found = new Set<string>();
  for (let i = 0; i < count; i++) {
    const { usedS, address } = readRelay(view, i * RELAY_SIZE);
    if (usedS >= since) found.add(addressText(address));
  }
  return found;
}
