import { readSetting, writeSetting } from "@millrace/native/native";
import { expect, test } from "vitest";
import { TestLink } from "../testing/link.ts";
import { reservePort, reservePorts } from "./reserved-ports.ts";

const RANGE = { first: 20_000, last: 31_999 };
const TUNNEL = 8472;

test("ports of masqueraded flows are kept from the host's sockets, beside those that were; or refused", () => {
  const pair = new TestLink("ports");
  try {
    const netns = pair.podNetns;
    const reserved = () => readSetting(netns, "net/ipv4/ip_local_reserved_ports").trim();
    writeSetting(netns, "net/ipv4/ip_local_reserved_ports", "8080");
    for (let n = 0; n < 2; n++) {
      reservePorts(netns, RANGE, TUNNEL);
      expect(reserved()).toBe("8080,20000-31999");
    }
    writeSetting(netns, "net/ipv4/ip_local_port_range", "30000 40000");
    expect(() => reservePorts(netns, RANGE, TUNNEL)).toThrow(/30000-40000 to its own sockets/);
    expect(() => reservePorts(netns, { first: 8000, last: 9000 }, TUNNEL)).toThrow(/8472 among them/);
    expect(reserved()).toBe("8080,20000-31999");
    for (const port of [40_000, 8080, 40_000, 50_000]) reservePort(netns, port); // sockets are given up to 40000
    expect(reserved()).toBe("8080,20000-31999,40000");
    const many = Array.from({ length: 670 }, (_, at) => 2 * at + 40_002).join(",");
    writeSetting(netns, "net/ipv4/ip_local_reserved_ports", many);
    writeSetting(netns, "net/ipv4/ip_local_port_range", "30000 60000");
    const fill = () => {
      for (let port = 50_000; port < 50_100; port += 2) reservePort(netns, port);
    };
    expect(fill).toThrow(/has no room for 500\d\d/);
    expect(reserved().startsWith(many.slice(0, 4000))).toBe(true);
  } finally {
    pair.remove();
  }
});
