/**
 * The parameters that every page reads from its address, for server and browser alike. The hooks that change
 * them are in url-state.ts, the reading of a request in load-view.ts.
 */
import { createParser, parseAsString } from "nuqs/server";
import { LIVE, parseTimeChoice, type TimeChoice, timeChoiceText } from "./time-range.ts";

const parseAsTimeChoice = createParser<TimeChoice>({
  parse: parseTimeChoice,
  serialize: timeChoiceText,
  eq: (a, b) => timeChoiceText(a) === timeChoiceText(b),
});

export const viewParams = {
  t: parseAsTimeChoice.withDefault(LIVE),
  q: parseAsString.withDefault(""),
};

/** `-bytes`: descending. Keys that aren't allowed fall back to the default. */
export type SortChoice<Key extends string> = { key: Key; descending: boolean };
export const parseAsSort = <Key extends string>(keys: readonly Key[]) =>
  createParser<SortChoice<Key>>({
    parse: (text) => {
      const key = text.replace(/^-/, "");
      return (keys as readonly string[]).includes(key)
        ? { key: key as Key, descending: text.startsWith("-") }
        : null;
    },
    serialize: (sort) => `${sort.descending ? "-" : ""}${sort.key}`,
    eq: (a, b) => a.key === b.key && a.descending === b.descending,
  });
