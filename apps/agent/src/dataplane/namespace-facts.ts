/** What the kernel tells of a network namespace, through packages/native. Reads only; libbpf-dataplane.ts hands it on. */
import { ConntrackWatch, links } from "@millrace/native/native";
import type { InterfaceFacts, TranslationSource } from "./dataplane.ts";

export const interfacesIn = (netns: string): InterfaceFacts[] =>
  links(netns).map((link) => ({
    ...{ ifindex: link.ifindex, name: link.name, loopback: link.loopback, up: link.up },
    addresses: link.addresses.map(({ address }) => address),
    stats: link.stats64,
  }));

export const translationsIn = (netns: string): TranslationSource => new ConntrackWatch(netns);
