import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { encode, MalformedMessage, Message } from "./protobuf.ts";

describe("a message", () => {
  test("gives back the texts, messages and maps that were put in", () => {
    const labels = [
      encode([
        [1, "app"],
        [2, "cart"],
      ]),
      encode([[1, "empty"]]),
    ];
    const inner = new Message(
      encode([
        [3, encode([[1, "ü".repeat(300)]])],
        [8, labels[0] as Uint8Array],
        [8, labels[1] as Uint8Array],
      ]),
    );
    expect(inner.message(3)?.text(1)).toBe("ü".repeat(300));
    expect(inner.map(8)).toEqual({ app: "cart", empty: "" });
    expect([inner.message(4), inner.text(4), inner.texts(4)]).toEqual([undefined, undefined, []]);
  });

  test("passes over numbers of every kind", () => {
    const numbers = [0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4];
    expect(new Message(Uint8Array.from([...numbers, 0x22, 2, 0x68, 0x69])).text(4)).toBe("hi");
  });

  test("with a label called __proto__ is a message like others", () => {
    const entry = encode([
      [1, "__proto__"],
      [2, "x"],
    ]);
    expect(Object.entries(new Message(encode([[5, entry]])).map(5))).toEqual([["__proto__", "x"]]);
  });

  test("of more fields than a list can have is refused", () => {
    expect(() => new Message(new Uint8Array(200_000).fill(0).map((_, i) => (i % 2 ? 0 : 0x0a)))).toThrow(
      /more than 65536 fields/,
    );
  });

  property.prop([fc.uint8Array({ maxLength: 200 })])(
    "of any bytes is read or refused as malformed",
    (bytes) => {
      try {
        const message = new Message(bytes);
        for (let number = 0; number < 20; number++) [message.text(number), message.map(number)];
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    },
  );
});
