/**
 * Who was told what, and until when they may go by it: the statements that are alike for every table of such leases. A
 * table has its key, host_id and until. Not what is told, nor how long it holds.
 */

/** Some seconds more than the answer says: it is on its way for a while. */
const LATE_S = 5;
/** Of one host. */
export const MOST_LEASES = 16_384;

export type LeaseSql = { save: string; trim: string; askers: string; forget: string };

export function leaseSql(table: string, key: string, type: "inet" | "int"): LeaseSql {
  return {
    /** Host, keys, seconds. In the order of keys, so that two who write the same meet once. */
    save: `insert into ${table} (${key}, host_id, until)
      select distinct asked, $1::int, now() + ($3::int + ${LATE_S}) * interval '1 s' from unnest($2::${type}[]) asked
      order by asked
      on conflict (${key}, host_id) do update set until = excluded.until`,
    /** Host. Beyond the bound those go that end first: they are told nothing, and end. */
    trim: `delete from ${table} where host_id = $1 and until <= (
      select until from ${table} where host_id = $1 order by until desc offset ${MOST_LEASES} limit 1)`,
    /** Keys. */
    askers: `select distinct host_id as "hostId" from ${table} where ${key} = any($1::${type}[]) and until > now()`,
    forget: `delete from ${table} where until < now()`,
  };
}
