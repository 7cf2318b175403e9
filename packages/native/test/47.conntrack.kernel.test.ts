// Translated connections as the kernel tells them, with real NAT rules and packets in namespaces made here.
import { execFileSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { CONNTRACK_RECORD, ConntrackWatch } from "../lib/native.ts";
import { eventually } from "./fixture.ts";
import { type Namespace, Testbed } from "./testbed.ts";

const bed = new Testbed("conntrack");
afterAll(() => bed.close());

const NEW = 1;
const DESTROYED = 2;
const TRANSLATE = `
table ip nt {
  chain out {
    type nat hook output priority -100
    ip daddr 10.9.0.9 dnat to 10.9.0.2
    udp dport 7 dnat to 10.9.0.2:9
  }
  chain post {
    type nat hook postrouting priority 100
    ip daddr 10.9.0.2 udp dport 53 snat to 10.9.0.77
  }
}
table ip6 nt {
  chain out {
    type nat hook output priority -100
    ip6 daddr fd00:9::9 dnat to fd00:9::2
  }
}
table inet track {
  chain out {
    type filter hook output priority 0
    ct state invalid drop
  }
}`;

const nft = (ns: Namespace, rules: string) =>
  execFileSync("nsenter", [`--net=${ns.path}`, "nft", "-f", "-"], { input: rules });
const sendUdp = (ns: Namespace, to: string, port: number) =>
  ns.run("bash", "-c", `echo x > /dev/udp/${to}/${port}`);

function translating(): [Namespace, Namespace] {
  const [c, d] = bed.pair();
  c.ip("address", "add", "fd00:9::1/64", "dev", "eth0", "nodad");
  d.ip("address", "add", "fd00:9::2/64", "dev", "eth0", "nodad");
  nft(c, TRANSLATE);
  return [c, d];
}

type Tuple = { src: string; dst: string; sport: number; dport: number };
type Entry = { op: number; proto: number; orig: Tuple; reply: Tuple };

function entries(bytes: Uint8Array): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tuple = (at: number): Tuple => ({
    ...{ src: address(bytes.subarray(at, at + 16)), dst: address(bytes.subarray(at + 16, at + 32)) },
    ...{ sport: view.getUint16(at + 32), dport: view.getUint16(at + 34) },
  });
  const { size, op, proto, orig, reply } = CONNTRACK_RECORD;
  return Array.from({ length: bytes.length / size }, (_, i) => ({
    ...{ op: bytes[i * size + op] as number, proto: bytes[i * size + proto] as number },
    ...{ orig: tuple(i * size + orig), reply: tuple(i * size + reply) },
  }));
}
const address = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString("hex").startsWith("00000000000000000000ffff")
    ? [...bytes.subarray(12)].join(".")
    : Buffer.from(bytes).toString("hex");
const V6 = (last: string) => `fd000009${"0".repeat(23)}${last}`;

describe("a dump", () => {
  test("has what is translated in both families, before and after, and nothing that isn't", () => {
    const [c, d] = translating();
    sendUdp(c, "10.9.0.9", 1053);
    sendUdp(c, "10.9.0.2", 1054); // untouched
    c.run("ping", "-q", "-c", "1", "fd00:9::9");
    const watch = new ConntrackWatch(c.path);
    const { bytes, left } = watch.dump(100);
    const found = entries(bytes);
    expect(left).toBe(0);
    expect(found.map((e) => e.proto).sort()).toEqual([17, 58]);
    const udp = found.find((e) => e.proto === 17) as Entry;
    expect(udp).toMatchObject({
      op: NEW,
      orig: { src: "10.9.0.1", dst: "10.9.0.9", dport: 1053 },
      reply: { src: "10.9.0.2", dst: "10.9.0.1", sport: 1053, dport: udp.orig.sport },
    });
    const echo = found.find((e) => e.proto === 58) as Entry;
    expect(echo.orig).toMatchObject({ src: V6("1"), dst: V6("9"), dport: 0 });
    expect(echo.reply).toMatchObject({ src: V6("2"), dst: V6("1"), sport: 0, dport: echo.orig.sport });
    expect(echo.orig.sport).not.toBe(0);
    watch.close();
    const other = new ConntrackWatch(d.path);
    expect(other.dump(100).bytes).toHaveLength(0);
    other.close();
  });

  test("has an entry once whose source and destination were both translated, with the ports", () => {
    const [c] = translating();
    nft(c, "add rule ip nt out udp dport 531 dnat to 10.9.0.2:53");
    sendUdp(c, "10.9.0.200", 531);
    const watch = new ConntrackWatch(c.path);
    const found = entries(watch.dump(100).bytes);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      orig: { src: "10.9.0.1", dst: "10.9.0.200", dport: 531 },
      reply: { src: "10.9.0.2", dst: "10.9.0.77", sport: 53 },
    });
    watch.close();
  });

  test("takes as many as it was asked for, and says how many are left", () => {
    const [c] = translating();
    for (let port = 2000; port < 2010; port++) sendUdp(c, "10.9.0.9", port);
    const watch = new ConntrackWatch(c.path);
    const { bytes, left } = watch.dump(4);
    expect(entries(bytes)).toHaveLength(4);
    expect(left).toBe(6);
    watch.close();
  });
});

describe("the news", () => {
  test("tell a translated connection's beginning and end, and no other's", async () => {
    const [c] = translating();
    const watch = new ConntrackWatch(c.path);
    const got: Entry[] = [];
    const read = () => {
      const { bytes, overran } = watch.read();
      expect(overran).toBe(false);
      got.push(...entries(bytes));
    };
    sendUdp(c, "10.9.0.2", 1054);
    sendUdp(c, "10.9.0.9", 1055);
    await eventually("the beginning", () => {
      read();
      return got.length > 0;
    });
    c.run("conntrack", "-D", "-p", "udp", "--orig-port-dst", "1055");
    await eventually("the end", () => {
      read();
      return got.length > 1;
    });
    expect(got.map((e) => [e.op, e.orig.dport])).toEqual([
      [NEW, 1055],
      [DESTROYED, 1055],
    ]);
    watch.close();
  });

  test("that nobody reads in time are an overrun, told once, and a dump has them all", () => {
    const [c] = translating();
    c.run("sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=300");
    const watch = new ConntrackWatch(c.path);
    const flood = `
      const socket = require("node:dgram").createSocket("udp4");
      let left = 40000;
      const next = () => {
        if (left === 0) return socket.close();
        let burst = 200;
        for (let i = 0; i < 200; i++) socket.send("x", 1000 + left--, "10.9.0.9", () => --burst || next());
      };
      next();`;
    c.run(process.execPath, "-e", flood);
    const { overran } = watch.read();
    expect(overran).toBe(true);
    expect(watch.read().overran).toBe(false);
    const { bytes } = watch.dump(100_000);
    expect(new Set(entries(bytes).map((e) => e.orig.dport)).size).toBe(40_000);
    watch.close();
  });
});

describe("a watch", () => {
  test("of a namespace that can't be entered is an error", () => {
    expect(() => new ConntrackWatch("/run/netns/nt-none")).toThrow(/ENOENT/);
  });

  test("that is closed throws, and lets its namespace go", () => {
    const watch = new ConntrackWatch(bed.namespace().path);
    watch.close();
    watch.close();
    expect(() => watch.read()).toThrow(expect.objectContaining({ code: "ECLOSED" }));
    expect(() => watch.dump(1)).toThrow(expect.objectContaining({ code: "ECLOSED" }));
  });
});
