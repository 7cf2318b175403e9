import { expect, test } from "vitest";
import { asymmetries, flagsText, flowSentence } from "./flow-format.ts";
import { end, flowRow } from "./flow-row.fixture.ts";
import { isRewritten, translationTitle } from "./translation-text.ts";

test("flags are named, and none is said to be none", () => {
  expect(flagsText(0x12)).toBe("SYN ACK");
  expect(flagsText(0)).toBe("none");
});
test("the sentence says who, what, how much and what became of it", () => {
  expect(flowSentence(flowRow())).toBe(
    "web-1 opened checkout-1:8080 over TCP, sent 1.2 kB and got 41 kB in 4s. What was seen was forwarded. A round trip takes 210 µs.",
  );
});
test("a flow that was dropped and never answered says both", () => {
  const reverse = { packets: 0, segments: 0, bytes: 0, tcpFlags: 0 };
  const said = flowSentence(
    flowRow({ verdict: "dropped", drops: 3, dropReason: "NO_SOCKET", reverse, rttUs: null }),
  );
  expect(said).toContain("3 packets were dropped, last for NO_SOCKET; nothing came back.");
});
test("the opener is only claimed when it was seen, and ICMP has no port", () => {
  expect(flowSentence(flowRow({ openerKnown: false }))).toContain("was not seen");
  expect(flowSentence(flowRow({ proto: 1, dst: end({ pod: "dns-1", port: 77 }) }))).toContain(
    "opened dns-1 over ICMP",
  );
});
test("asymmetry needs both ends", () => {
  const atSource = flowRow({ observers: [{ host: "h1", side: "source" }] });
  expect(asymmetries([atSource])).toBeNull();
  const forward = { packets: 8, segments: 8, bytes: 900, tcpFlags: 0 };
  const atDestination = flowRow({ observers: [{ host: "h2", side: "destination" }], forward });
  expect(asymmetries([atSource, atDestination])?.[0]).toEqual({
    direction: "forward",
    sent: 10,
    received: 8,
  });
});

test("a translation is told with the tuple before and after, and what can't be known with its reason", () => {
  const own = { src: { ip: "10.1.0.3", port: 40_000 }, dst: { ip: "10.96.0.10", port: 80 } };
  const after = { ...own, dst: { ip: "fd00::7", port: 8080 } };
  expect(translationTitle(flowRow())).toBeNull();
  expect(translationTitle(flowRow({ tuples: [own, after] }))).toBe(
    "translated on its way: 10.1.0.3:40000 → 10.96.0.10:80, then 10.1.0.3:40000 → [fd00::7]:8080",
  );
  expect(translationTitle(flowRow({ otherSideUnknown: "h1 can't tell." }))).toBe(
    "translated: the other side isn't known. h1 can't tell.",
  );
  expect(([0, 1] as const).map((at) => isRewritten([own, after], at, "dst"))).toEqual([false, true]);
  expect(isRewritten([own, after], 1, "src")).toBe(false);
});
