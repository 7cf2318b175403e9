import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf, decodePacket, ip6Text } from "./packet-decode.ts";

const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const SYN = fromHex(`
  45 00 00 3c 1c 46 40 00 40 06 b1 e6 0a 01 00 03 0a 01 00 04
  c3 50 20 fb 00 00 00 01 00 00 00 00 a0 02 fa f0 00 00 00 00
  02 04 05 b4 04 02 08 0a 00 00 00 07 00 00 00 00 01 03 03 07`);
const ECHO6 = fromHex(`
  60 00 00 00 00 10 3a 40 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03
  fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 04 80 00 12 34 00 01 00 02 61 62 63 64 65 66 67 68`);

const field = (layers: ReturnType<typeof decodePacket>, title: string, name: string) =>
  layers.find((layer) => layer.title === title)?.fields.find(([n]) => n === name)?.[1];

test("a TCP SYN is read down to its options", () => {
  const layers = decodePacket(SYN);
  expect(layers.map((layer) => layer.title)).toEqual(["IPv4", "TCP"]);
  expect(field(layers, "IPv4", "source")).toBe("10.1.0.3");
  expect(field(layers, "IPv4", "flags")).toBe("don't fragment");
  expect(field(layers, "TCP", "destination port")).toBe("8443");
  expect(field(layers, "TCP", "flags")).toBe("SYN");
  expect(field(layers, "TCP", "MSS")).toBe("1460");
  expect(field(layers, "TCP", "window scale")).toBe("7");
});
test("an ICMPv6 echo is read, its payload marked", () => {
  const layers = decodePacket(ECHO6);
  expect(layers.map((layer) => layer.title)).toEqual(["IPv6", "ICMPv6", "Payload"]);
  expect(field(layers, "IPv6", "source")).toBe("fd00::3");
  expect(field(layers, "ICMPv6", "type")).toBe("128, echo request");
});
test("a later fragment claims no transport header", () => {
  const packet = SYN.slice();
  packet[6] = 0x20;
  packet[7] = 0x05;
  expect(decodePacket(packet).map((layer) => layer.title)).toEqual(["IPv4", "Later fragment"]);
});
test("a header that lies about its length is said to lie", () => {
  const packet = SYN.slice();
  packet[0] = 0x41;
  expect(decodePacket(packet)[0]?.problem).toContain("4 bytes");
});
test.each([SYN, ECHO6])("every truncation is described, none throws", (packet) => {
  for (let length = 0; length <= packet.length; length++) {
    const layers = decodePacket(packet.subarray(0, length));
    for (const layer of layers) expect(layer.end).toBeLessThanOrEqual(length);
  }
});
test("hostile bytes never throw, and layers stay in order within the packet", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 128 }), (bytes) => {
      let at = 0;
      for (const layer of decodePacket(bytes)) {
        expect(layer.start).toBeGreaterThanOrEqual(at);
        expect(layer.end).toBeGreaterThanOrEqual(layer.start);
        expect(layer.end).toBeLessThanOrEqual(bytes.length);
        at = layer.end;
      }
    }),
  );
});
test("text that isn't base64 is no packet", () => {
  expect(bytesOf("%%%")).toHaveLength(0);
  expect(decodePacket(new Uint8Array())).toEqual([]);
});
test("IPv6 addresses are written as people write them", () => {
  expect(ip6Text([0, 0, 0, 0, 0, 0, 0, 0])).toBe("::");
  expect(ip6Text([0, 0, 0, 0, 0, 0, 0, 1])).toBe("::1");
  expect(ip6Text([0xfe80, 0, 0, 0, 1, 0, 0, 2])).toBe("fe80::1:0:0:2");
  expect(ip6Text([1, 2, 3, 4, 5, 6, 7, 8])).toBe("1:2:3:4:5:6:7:8");
});
