/** The two wire formats the shop's programs speak, against what the real ones look like; and their reports. */
import { expect, test } from "vitest";

// Named by a variable, since the compiler knows no types of the containers' plain programs.
const load = async (name: string) => await import(new URL(`../shop/${name}`, import.meta.url).href);
const { decode, encode } = await load("resp.mjs");
const { question, reply, TYPE } = await load("dns-message.mjs");

test("a report that can't be written costs the program nothing", async () => {
  const { count, writeReport } = await load("report.mjs"); // there is no /run/report here
  count("ok");
  expect(writeReport).not.toThrow();
});

test("a redis command is an array of its parts, measured in bytes", () => {
  expect(encode(["SET", "k", "é"])).toBe("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\né\r\n");
});

test.each([
  ["+OK\r\n", "OK"],
  [":42\r\n", 42],
  ["$2\r\nhi\r\n", "hi"],
  ["$0\r\n\r\n", ""],
  ["$-1\r\n", null],
])("redis' reply %j is %j", (text, value) => {
  expect(decode(`${text}rest`)).toEqual({ value, rest: "rest" });
  for (let length = 0; length < text.length; length++) expect(decode(text.slice(0, length))).toBeUndefined();
});

test("redis' errors are values, unknown kinds are not", () => {
  expect(decode("-ERR bad\r\n").value).toEqual(new Error("ERR bad"));
  expect(() => decode("*1\r\n")).toThrow("kind '*'");
});

const query = (name: string, type: number): Buffer =>
  Buffer.concat([
    Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0, 0, type, 0, 1]),
  ]);
const table = new Map([
  [`${TYPE.A} web.shop`, "10.201.1.13"],
  [`${TYPE.AAAA} web.shop`, "fd00:201:1::13"],
  [`${TYPE.A} old.shop`, "10.201.1.9"],
]);

test("a question is read, in any case of letters", () => {
  expect(question(query("Web.SHOP", 28))).toMatchObject({ name: "web.shop", type: 28 });
});

test("A and AAAA are answered with the address' bytes", () => {
  expect([...reply(query("web.shop", 1), table).subarray(-4)]).toEqual([10, 201, 1, 13]);
  expect(reply(query("web.shop", 28), table).subarray(-16).toString("hex")).toBe(
    "fd000201000100000000000000000013",
  );
});

test("a name without that kind of address is empty, an unknown one doesn't exist", () => {
  const [empty, unknown] = [reply(query("old.shop", 28), table), reply(query("no.shop", 1), table)];
  expect([empty.readUInt16BE(6), empty[3] & 0xf]).toEqual([0, 0]);
  expect([unknown.readUInt16BE(6), unknown[3] & 0xf]).toEqual([0, 3]);
});

test("a query cut at any length is no question, and no error", () => {
  const whole = query("web.shop", 1);
  for (let length = 0; length < whole.length; length++) {
    expect(reply(whole.subarray(0, length), table)).toBeUndefined();
  }
});
