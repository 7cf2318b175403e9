/*
 * Walks through a connection's life as its segments show it. A row: what is sent by whom, the state after.
 */
import { FlowOpener, FlowTcpState } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ENDPOINT_ID } from "./expectations.ts";
import { Observer, type Way } from "./observer.ts";
import { packet, type TcpFlags, tcpFlagByte } from "./packet-builder.ts";

const { OPENING, ESTABLISHED, CLOSING, CLOSED, RESET } = FlowTcpState;

let observer: Observer;
beforeAll(() => {
  observer = new Observer("tcp");
});
beforeEach(() => observer.reset(ENDPOINT_ID));
afterAll(() => observer[Symbol.dispose]());

function send(way: Way, flags: TcpFlags): void {
  const built = packet().ethernet();
  const [a, b] = ["10.1.0.1", "10.1.0.2"];
  observer.send(
    way,
    way === "egress"
      ? built.ip4(a, b).tcp(4000, 80, flags).bytes()
      : built.ip4(b, a).tcp(80, 4000, flags).bytes(),
  );
}

type Step = [way: Way, flags: TcpFlags, state: FlowTcpState];

const SYN: Step = ["egress", { syn: true, seq: 100 }, OPENING];
const SYN_ACK: Step = ["ingress", { syn: true, ack: true, seq: 900, ackSeq: 101 }, OPENING];
const ACK: Step = ["egress", { ack: true }, ESTABLISHED];
const HANDSHAKE = [SYN, SYN_ACK, ACK];

const WALKS: { name: string; steps: Step[]; opens: number }[] = [
  {
    name: "opened, used, closed by the opener",
    steps: [
      ...HANDSHAKE,
      ["egress", { ack: true, psh: true }, ESTABLISHED],
      ["egress", { fin: true, ack: true }, CLOSING],
      ["ingress", { ack: true }, CLOSING],
      ["ingress", { fin: true, ack: true }, CLOSED],
      ["egress", { ack: true }, CLOSED],
    ],
    opens: 1,
  },
  {
    name: "closed by the other side",
    steps: [
      ...HANDSHAKE,
      ["ingress", { fin: true, ack: true }, CLOSING],
      ["egress", { fin: true, ack: true }, CLOSED],
    ],
    opens: 1,
  },
  {
    name: "the same FIN twice doesn't close",
    steps: [
      ...HANDSHAKE,
      ["egress", { fin: true, ack: true }, CLOSING],
      ["egress", { fin: true, ack: true }, CLOSING],
      ["ingress", { ack: true }, CLOSING],
    ],
    opens: 1,
  },
  { name: "refused", steps: [SYN, ["ingress", { rst: true, ack: true }, RESET]], opens: 1 },
  { name: "reset in the middle", steps: [...HANDSHAKE, ["egress", { rst: true }, RESET]], opens: 1 },
  {
    name: "a reset after both FINs changes nothing",
    steps: [
      ...HANDSHAKE,
      ["egress", { fin: true, ack: true }, CLOSING],
      ["ingress", { fin: true, ack: true }, CLOSED],
      ["egress", { rst: true }, CLOSED],
    ],
    opens: 1,
  },
  { name: "the SYN repeated", steps: [SYN, SYN, SYN_ACK, ACK], opens: 1 },
  {
    name: "the refused SYN repeated with its own number opens nothing new",
    steps: [SYN, ["ingress", { rst: true, ack: true }, RESET], ["egress", { syn: true, seq: 100 }, RESET]],
    opens: 1,
  },
  {
    name: "reopened after a reset",
    steps: [
      SYN,
      ["ingress", { rst: true, ack: true }, RESET],
      ["egress", { syn: true, seq: 5000 }, OPENING],
      SYN_ACK,
      ACK,
    ],
    opens: 2,
  },
  {
    name: "reopened after a close, and the old FINs are forgotten",
    steps: [
      ...HANDSHAKE,
      ["egress", { fin: true, ack: true }, CLOSING],
      ["ingress", { fin: true, ack: true }, CLOSED],
      ["egress", { syn: true, seq: 7000 }, OPENING],
      SYN_ACK,
      ACK,
      ["ingress", { fin: true, ack: true }, CLOSING],
    ],
    opens: 2,
  },
  { name: "met mid-stream", steps: [["egress", { ack: true }, ESTABLISHED]], opens: 0 },
  {
    name: "met while closing",
    steps: [
      ["egress", { fin: true, ack: true }, CLOSING],
      ["ingress", { fin: true, ack: true }, CLOSED],
    ],
    opens: 0,
  },
  { name: "met at its SYN/ACK", steps: [SYN_ACK, ACK], opens: 0 },
];

describe("the state after each segment", () => {
  test.each(WALKS)("$name", ({ steps, opens }) => {
    for (const [index, [way, flags, state]] of steps.entries()) {
      send(way, flags);
      expect({ index, state: observer.flow().record.tcpState }).toEqual({ index, state });
    }
    expect(observer.flow().record.opens).toBe(opens);
  });
});

test("flags are collected by direction, and only since the latest open", () => {
  for (const [way, flags] of HANDSHAKE) send(way, flags);
  send("ingress", { psh: true, ack: true });
  expect([...observer.flow().record.tcpFlags]).toEqual([
    tcpFlagByte({ syn: true, ack: true }),
    tcpFlagByte({ syn: true, ack: true, psh: true }),
  ]);
  send("egress", { rst: true });
  send("ingress", { syn: true, seq: 1 });
  expect([...observer.flow().record.tcpFlags]).toEqual([0, tcpFlagByte({ syn: true })]);
});

test("the opening sequence number is the SYN's, and can be told from the answer", () => {
  send("egress", { syn: true, seq: 0xfffffff0 });
  expect(observer.flow().record.isn).toBe(0xfffffff0);
  observer.reset(ENDPOINT_ID);
  send("ingress", { syn: true, ack: true, seq: 5, ackSeq: 0 });
  expect(observer.flow().record.isn).toBe(0xffffffff);
});

test("the one who reopens is the new opener", () => {
  send("egress", { syn: true, seq: 1 });
  send("ingress", { rst: true, ack: true });
  send("ingress", { syn: true, seq: 2 });
  expect(observer.flow().record).toMatchObject({ opener: FlowOpener.REMOTE, isn: 2, opens: 2 });
});
