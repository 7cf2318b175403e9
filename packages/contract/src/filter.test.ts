import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFilter, withoutTerm, withTerm } from "./filter.ts";
import { FILTER_FIELDS } from "./filter-field.ts";

const terms = (text: string) =>
  parseFilter(text).terms.map((t) => [
    t.negated,
    t.field,
    t.operator,
    t.values.map((v) => v.number ?? v.text),
  ]);
const problems = (text: string) => parseFilter(text).problems.map((p) => [p.start, p.end, p.message]);

describe("a filter", () => {
  test.each([
    ["", []],
    ["src.service=checkout", [[false, "src.service", "=", ["checkout"]]]],
    ["-reason=NO_SOCKET", [[true, "reason", "=", ["NO_SOCKET"]]]],
    ["verdict!=dropped", [[true, "verdict", "=", ["dropped"]]]],
    ["-verdict!=dropped", [[false, "verdict", "=", ["dropped"]]]],
    ["dst.port=80,443", [[false, "dst.port", "=", [80, 443]]]],
    ["rtt>5ms", [[false, "rtt", ">", [5000]]]],
    ["bytes>=1.5kB", [[false, "bytes", ">=", [1500]]]],
    ["proto=tcp", [[false, "proto", "=", [6]]]],
    ["pod~web", [[false, "pod", "~", ["web"]]]],
    ['pod="a b"', [[false, "pod", "=", ["a b"]]]],
    ['pod="a,b"', [[false, "pod", "=", ["a,b"]]]],
    ["payments", [[false, undefined, "~", ["payments"]]]],
    ['-"two words"', [[true, undefined, "~", ["two words"]]]],
    ["rule=12/3", [[false, "rule", "=", [12 * 256 + 3]]]],
    ["-rule=3075,0/1", [[true, "rule", "=", [3075, 1]]]],
    ["policy=12", [[false, "policy", "=", [12]]]],
    [
      "tier=fast way=overlay,host",
      [
        [false, "tier", "=", ["fast"]],
        [false, "way", "=", ["overlay", "host"]],
      ],
    ],
    ["label=app:web", [[false, "label", "=", ["app:web"]]]],
    ["ip=10.0.0.0/8", [[false, "ip", "=", ["10.0.0.0/8"]]]],
    [
      "  a   b ",
      [
        [false, undefined, "~", ["a"]],
        [false, undefined, "~", ["b"]],
      ],
    ],
  ])("%s", (text, wanted) => {
    expect(problems(text)).toEqual([]);
    expect(terms(text)).toEqual(wanted);
  });

  test.each([
    ["servce=x", [[0, 8, "there is no field “servce”; did you mean “service”?"]]],
    ["constructor=x", [[0, 13, "there is no field “constructor”"]]],
    ["dst.port=99999", [[0, 14, "dst.port: “99999” is not a whole number up to 65535"]]],
    ["a rtt>fast", [[2, 10, "rtt: “fast” is not a duration like 5ms or 1.5s"]]],
    ["verdict=lost", [[0, 12, "verdict: “lost” is none of forwarded, dropped, would-drop, unknown"]]],
    [
      "rule=12/256",
      [[0, 11, "rule: “12/256” is not a rule like 12/3: policies go to 16777215, rules to 255"]],
    ],
    ["rule>12/3", [[0, 9, "rule has no order: use = != or ~"]]],
    ["tier=nic", [[0, 8, "tier: “nic” is none of slow, fast"]]],
    ["pod>x", [[0, 5, "pod has no order: use = != or ~"]]],
    ["rtt~5", [[0, 5, "rtt is compared with = != < or >, not ~"]]],
    ["pod=", [[0, 4, "pod needs a value"]]],
    ["-", [[0, 1, "“-” needs a term after it"]]],
    ['pod="x', [[0, 6, "a quote is not closed"]]],
  ])("says what is wrong and where: %s", (text, wanted) => {
    expect(problems(text)).toEqual(wanted);
  });

  test("reports every problem, and reads what is right beside them", () => {
    const text = "nope=1 pod=web dst.port=x";
    expect(problems(text).map(([start]) => start)).toEqual([0, 15]);
    expect(terms(text)).toEqual([[false, "pod", "=", ["web"]]]);
  });

  test.each([
    "1.2.3",
    "256.1.1.1",
    "10.0.0.0/33",
    "::/129",
    "1:2:3",
    "g::",
    "01.2.3.4",
    "::1/",
    "1.2.3.4/8/8",
    "[::1]",
  ])("takes no address like %s", (text) => expect(problems(`ip=${text}`)).toHaveLength(1));
  test.each(["1.2.3.4", "0.0.0.0/0", "::", "fe80::1/64", "::ffff:1.2.3.4", "2001:db8::/32"])(
    "takes an address like %s",
    (text) => expect(problems(`ip=${text}`)).toEqual([]),
  );

  test("of any text is read without an exception, its parts within the text and in order", () => {
    const pieces = fc.constantFrom(
      ...Object.keys(FILTER_FIELDS),
      "=",
      "!=",
      ">",
      "~",
      "-",
      '"',
      ",",
      " ",
      "5ms",
      "é",
      "\n",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces, { maxLength: 60 }).map((p) => p.join("")),
    );
    fc.assert(
      fc.property(text, (input) => {
        const { terms, problems } = parseFilter(input);
        let at = 0;
        for (const term of terms) {
          expect(term.start).toBeGreaterThanOrEqual(at);
          expect(term.end).toBeGreaterThan(term.start);
          at = term.end;
        }
        for (const place of [...terms, ...problems]) expect(place.end).toBeLessThanOrEqual(input.length);
      }),
    );
  });

  test("with ten thousand terms is refused, not read", () => {
    expect(problems("a ".repeat(10_000))).toEqual([[0, 20_000, "more than 40 terms"]]);
  });
});

describe("adding and removing a term", () => {
  const field = fc.constantFrom("pod", "src.service", "label", "reason");
  const value = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll('"', ""));
  const filter = fc.constantFrom("", "verdict=dropped", "payments rtt>5ms", '-pod="x y" web', "pod=a,b");

  test("an added term is there once, and gone when removed", () => {
    fc.assert(
      fc.property(filter, field, value, fc.boolean(), (text, name, wanted, exclude) => {
        const added = withTerm(text, name, wanted, exclude);
        const again = withTerm(added, name, wanted, exclude);
        expect(again).toBe(added);
        const found = parseFilter(added);
        expect(found.problems).toEqual([]);
        expect(found.terms.at(-1)).toMatchObject({
          field: name,
          negated: exclude,
          values: [{ text: wanted }],
        });
        expect(parseFilter(withoutTerm(added, name, wanted)).terms.length).toBe(
          parseFilter(text).terms.length,
        );
      }),
    );
  });

  test("excluding what was included replaces it", () => {
    expect(withTerm("a pod=web b", "pod", "web", true)).toBe("a b -pod=web");
  });
  test("other terms stay as they were written", () => {
    expect(withoutTerm('pod="a  b"   x pod=web', "pod", "web")).toBe('pod="a  b"   x');
  });
});
