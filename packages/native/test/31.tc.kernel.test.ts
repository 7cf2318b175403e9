// Filters of classic tc as what stands in for a link: real packets, replaced, pinned, found again, gone without a trace.
import { existsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type BpfLink,
  type BpfMap,
  type BpfObject,
  links,
  openObject,
  openPinnedLink,
} from "../lib/native.ts";
import { fixture, total, u32 } from "./fixture.ts";
import { type Namespace, Testbed } from "./testbed.ts";

const SLOT = { packet: 0, other: 1, last: 2 } as const;
const OWN = 0x6d72_0001;
const OWN_NEXT = 0x6d72_0002;
const bed = new Testbed("tc");
afterAll(() => bed.close());

let a: Namespace;
let b: Namespace;
let ifindex: number;
let object: BpfObject;
let counts: BpfMap;
let used: BpfLink[];
const pins = bed.pins();

beforeAll(() => {
  [a, b] = bed.quietPair();
  ifindex = links(b.path).find((l) => l.name === "eth0")?.ifindex ?? 0;
});
beforeEach(() => {
  object = openObject(fixture("packets"));
  object.load();
  counts = object.map("counts");
  used = [];
});
afterEach(() => {
  for (const link of used) link.close();
  object.close();
  expect(qdisc()).toBe("");
});

const count = (slot: number) => total(counts.lookup(u32(slot)));
const ping = (times: number) => a.run("ping", "-q", "-c", `${times}`, "-i", "0.01", "-W", "5", "10.9.0.2");
const tc = (...argv: string[]) => b.run("tc", ...argv);
const qdisc = () => tc("qdisc", "show", "dev", "eth0").match(/clsact/)?.[0] ?? "";
const at = (direction: "ingress" | "egress", handle = OWN) =>
  ({ kind: "tc", ifindex, direction, netns: b.path, handle }) as const;
const attach = (program: string, to: ReturnType<typeof at>) => {
  const link = object.program(program).attach(to);
  used.push(link);
  return link;
};

test("it sees each packet of its direction, lets it on, and says what runs where", () => {
  const ingress = attach("count_packet", at("ingress"));
  attach("count_other", at("egress"));
  ping(5);
  expect([count(SLOT.packet), count(SLOT.other)]).toEqual([5n, 5n]);
  const { id } = object.program("count_packet");
  expect(ingress.info()).toEqual({ id: 0, type: "tc", ifindex, progId: id });
});

test("it runs before what others put there, and of its own the newest runs first", () => {
  object.program("count_last").pin(`${pins}/others`);
  tc("qdisc", "add", "dev", "eth0", "clsact");
  tc("filter", "add", "dev", "eth0", "ingress", "prio", "7", "bpf", "da", "pinned", `${pins}/others`);
  attach("count_packet", at("ingress"));
  ping(2);
  expect([count(SLOT.packet), count(SLOT.last)]).toEqual([2n, 2n]);
  const newer = attach("call_slot", at("ingress", OWN_NEXT));
  ping(3);
  expect([count(SLOT.packet), count(SLOT.last)]).toEqual([2n, 2n]);
  newer.close();
  ping(1);
  for (const link of used) link.close();
  ping(1);
  expect([count(SLOT.packet), count(SLOT.last)]).toEqual([3n, 4n]);
  tc("qdisc", "del", "dev", "eth0", "clsact");
});

test("a program is put in its place with no packet in between", () => {
  const link = attach("count_packet", at("ingress"));
  ping(2);
  link.update(object.program("count_other"));
  ping(3);
  expect([count(SLOT.packet), count(SLOT.other)]).toEqual([2n, 3n]);
  attach("count_last", at("ingress"));
  ping(1);
  expect([count(SLOT.other), count(SLOT.last)]).toEqual([3n, 1n]);
});

test("unpinned it goes with its handle; pinned it stays, is found, and detached takes its note along", () => {
  const path = `${pins}/filter`;
  attach("count_packet", at("ingress")).close();
  ping(1);
  expect(count(SLOT.packet)).toBe(0n);
  expect(qdisc()).toBe("");
  const first = attach("count_packet", at("ingress"));
  first.pin(path);
  first.close();
  ping(2);
  const found = openPinnedLink(path);
  used.push(found);
  expect([count(SLOT.packet), found.info().ifindex]).toEqual([2n, ifindex]);
  found.update(object.program("count_other"));
  ping(3);
  found.detach();
  ping(2);
  expect([count(SLOT.packet), count(SLOT.other)]).toEqual([2n, 3n]);
  expect([existsSync(path), found.info().ifindex]).toEqual([false, 0]);
});

test("unpinned again it belongs to its handle, and a closed handle says so", () => {
  const link = attach("count_packet", at("egress"));
  expect(() => link.unpin()).toThrow(/ENOENT/);
  link.pin(`${pins}/unpinned`);
  link.unpin();
  link.close();
  ping(1);
  expect(count(SLOT.packet)).toBe(0n);
  for (const call of [
    () => link.info(),
    () => link.detach(),
    () => link.update(object.program("count_other")),
  ])
    expect(call).toThrow(expect.objectContaining({ code: "ECLOSED" }));
});

test("a device that goes, and a filter that somebody removes, are told", () => {
  const [, gone] = bed.pair();
  const device = links(gone.path).find((l) => l.name === "eth0")?.ifindex ?? 0;
  const link = attach("count_packet", { ...at("ingress"), ifindex: device, netns: gone.path });
  link.pin(`${pins}/gone`);
  gone.ip("link", "del", "eth0");
  expect(link.info().ifindex).toBe(0);
  expect(() => link.update(object.program("count_other"))).toThrow(/tc ingress.*ENOLINK/);
  link.detach();
  const removed = attach("count_packet", at("ingress"));
  tc("qdisc", "del", "dev", "eth0", "clsact");
  expect(removed.info().ifindex).toBe(0);
});

test("a note that is asked for is there before the filter, and not without it", () => {
  const pin = `${pins}/noted`;
  const into = (ifindex: number) => () =>
    object.program("count_packet").attach({ ...at("ingress"), ifindex, pin });
  expect(into(4711)).toThrow(/ifindex 4711/);
  expect(existsSync(pin)).toBe(false);
  into(ifindex)().close();
  ping(1);
  expect(count(SLOT.packet)).toBe(1n);
  const found = openPinnedLink(pin);
  found.detach();
  found.close();
});

test("a handle ends no filter but its own", () => {
  const first = attach("count_packet", at("ingress"));
  const second = attach("count_other", at("ingress"));
  first.close();
  ping(2);
  expect([count(SLOT.packet), count(SLOT.other)]).toEqual([0n, 2n]);
  second.detach();
  const third = attach("count_other", at("ingress"));
  second.close();
  ping(1);
  expect(count(SLOT.other)).toBe(3n);
  third.close();
});

test("a qdisc of somebody else stays, empty as it was, and one of another kind is left alone", () => {
  tc("qdisc", "add", "dev", "eth0", "clsact");
  const both = [attach("count_packet", at("egress")), attach("count_packet", at("ingress"))];
  both[1]?.update(object.program("count_other"));
  for (const link of both) link.detach();
  expect(qdisc()).toBe("clsact");
  tc("qdisc", "del", "dev", "eth0", "clsact");
  tc("qdisc", "add", "dev", "eth0", "ingress");
  expect(() => attach("count_packet", at("egress"))).toThrow(/EBUSY.*somebody's qdisc ingress/);
  expect(tc("qdisc", "show", "dev", "eth0")).toContain("ingress");
  tc("qdisc", "del", "dev", "eth0", "ingress");
});

test("what can't be had is refused with the place, and leaves nothing", () => {
  const into = (attachment: object) => () => object.program("count_packet").attach(attachment as never);
  expect(into({ ...at("ingress"), ifindex: 4711 })).toThrow(/ifindex 4711: ENODEV/);
  expect(() => object.program("count_frame").attach(at("ingress"))).toThrow(/tc ingress of ifindex/);
  expect(into({ ...at("ingress"), handle: 0 })).toThrow("handle: expected 1");
  const map = `${pins}/no-link`;
  object.map("called").pin(map);
  expect(() => openPinnedLink(map)).toThrow(/EINVAL.*it is a map, not a link/);
});
