/**
 * Who was told what, and until when they may go by it: the statements that are alike for every table of such leases. A
 * table has its key, host_id and until. Not what is told, nor how long it holds.
 */

/** Some seconds more than the answer says: it is on its way for a while. */
const LATE_S = 5;
/** Of one host. */
export const MOST_LEASES = 16_384;

export type LeaseSql = { save: string; trim: string; askers: string; forget: string };

/** The columns that say what was asked for, with their types. */
export function leaseSql(
  table: string,
  key: Readonly<Record<string, "inet" | "int" | "smallint">>,
): LeaseSql {
  const columns = Object.keys(key).join(", ");
  const asked = (first: number) =>
    `unnest(${Object.values(key).map((type, i) => `$${first + i}::${type}[]`)}) asked(${columns})`;
  return {
    /** Host, seconds, and of each column its values. In the order of keys, so that two who write the same meet once. */
    save: `insert into ${table} (${columns}, host_id, until)
      select distinct ${columns}, $1::int, now() + ($2::int + ${LATE_S}) * interval '1 s' from ${asked(3)}
      order by ${columns}
      on conflict (${columns}, host_id) do update set until = excluded.until`,
    /** Host. Beyond the bound those go that end first: they are told nothing, and end. */
    trim: `delete from ${table} where host_id = $1 and until <= (
      select until from ${table} where host_id = $1 order by until desc offset ${MOST_LEASES} limit 1)`,
    /** Of each column its values. */
    askers: `select distinct l.host_id as "hostId" from ${asked(1)} join ${table} l using (${columns})
      where l.until > now()`,
    forget: `delete from ${table} where until < now()`,
  };
}
