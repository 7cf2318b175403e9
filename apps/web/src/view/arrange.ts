/** Which rows of a whole list a text means, and in which order they stand. Pure. */
import { parseAsString } from "nuqs/server";
import { parseAsSort, type SortChoice } from "./url-params.ts";

/** What the page of such a list keeps in its address; by name at first. */
export const listParams = <Sort extends string>(sorts: readonly (Sort | "name")[]) => ({
  sort: parseAsSort<Sort | "name">(sorts).withDefault({ key: "name", descending: false }),
  find: parseAsString.withDefault(""),
});

export type Arrangement<Row, Sort extends string> = {
  /** Every word of the text that is looked for must be in it. */
  textOf: (row: Row) => string;
  keys: Readonly<Record<Sort, (row: Row) => string | number>>;
  /** By which those stand whose keys are equal. */
  nameOf: (row: Row) => string;
};

export function arrange<Row, Sort extends string>(
  rows: readonly Row[],
  { textOf, keys, nameOf }: Arrangement<Row, Sort>,
  find: string,
  { key, descending }: SortChoice<Sort>,
): Row[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const sign = descending ? -1 : 1;
  return rows
    .filter((row) => {
      const text = textOf(row).toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((one, other) => {
      const [a, b] = [keys[key](one), keys[key](other)];
      if (a !== b) return a < b ? -sign : sign;
      return nameOf(one) < nameOf(other) ? -1 : 1;
    });
}
