import { parseFilter } from "@millrace/contract/filter";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addFilterFlags, filterText } from "./observe-filter.ts";

const textOf = (...argv: string[]): string => {
  const command = addFilterFlags(new Command("observe")).exitOverride();
  command.parse(argv, { from: "user" });
  return filterText(command.opts());
};

describe("the flags of observe", () => {
  test.each([
    [["--from-pod", "shop/checkout-7f"], "src.namespace=shop src.pod=checkout-7f"],
    [["--to-pod", "payments"], "dst.pod=payments"],
    [["--verdict", "DROPPED", "AUDIT"], "verdict=dropped,would-drop"],
    [["--ip", "10.1.0.0/16", "--port", "443"], "ip=10.1.0.0/16 port=443"],
    [["--protocol", "tcp"], "proto=tcp"],
    [["--label", "app=web"], "label=app:web"],
    [["--to-service", "my shop"], 'dst.service="my shop"'],
    [["--pod", "web", "--not"], "-pod=web"],
    [["--pod", "web", "a b", "--pod", 'c"'], 'pod=web,a" "b,c'],
    [
      ["--tier", "slow", "--way", "overlay", "direct", "--rule", "12/3"],
      "way=overlay,direct tier=slow rule=12/3",
    ],
    [["--policy", "12"], "policy=12"],
    [["-n", "shop"], "namespace=shop"],
    [["--uuid", "0123"], "flow=0123"],
    [["--pod", "web", "--filter", "rtt>5ms"], "pod=web rtt>5ms"],
  ])("%j means %s, which the filter language accepts", (argv, wanted) => {
    expect(textOf(...argv)).toBe(wanted);
    expect(parseFilter(wanted).problems).toEqual([]);
  });

  test("a negation of several flags is refused, not guessed", () => {
    expect(() => textOf("--pod", "web", "--ip", "10.0.0.1", "--not")).toThrow(/--not takes one filter flag/);
    expect(() => textOf("--not")).toThrow(/--not takes one filter flag/);
    expect(() => textOf("--not", "--filter", "rtt>5ms")).toThrow(/--not takes one filter flag/);
  });

  test("several values are each a value of their own, blanks and all", () => {
    const [term] = parseFilter(textOf("--pod", "web", "a b", "c d")).terms;
    expect(term?.values.map(({ text }) => text)).toEqual(["web", "a b", "c d"]);
  });
});
