/** Parameterised SQL in pieces: a value never stands in the text. Not a query builder. */

/** Collects a statement's values; each piece of SQL names its own by what `add` returns. */
export class Values {
  readonly list: unknown[] = [];
  add(value: unknown, type = ""): string {
    this.list.push(value);
    return `$${this.list.length}${type && `::${type}`}`;
  }
}
export type Statement = { text: string; values: unknown[] };

/** Microseconds since 1970 as Postgres reads a timestamptz. JavaScript's own dates stop at milliseconds. */
export function timestamp(us: number): string {
  const ms = Math.floor(us / 1000);
  const rest = String(us - ms * 1000).padStart(3, "0");
  return new Date(ms).toISOString().replace("Z", `${rest}Z`);
}

/** A timestamptz column as microseconds since 1970; exact, as a float8 holds them until the year 2255. */
export const microseconds = (column: string): string => `round(date_part('epoch', ${column}) * 1e6)`;
