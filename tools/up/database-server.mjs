// Reaching a database by its URL, and saying in one line why it can't be: the user's own, by DATABASE_URL, may be
// away, misspelt or old. A line names the place and never the password. Not the starting of ours: database.mjs.

/** What the schema needs; docs/operating.md says the same. */
const oldest = 15;

/** @param {string} url @returns {string} */
export function placeOf(url) {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname || "the local socket"}${port && `:${port}`}${pathname}`;
}

/** A name with several addresses fails once for each, in an error without words of its own.
 * @param {any} error */
const reasonOf = (error) =>
  [error, ...(error.errors ?? [])]
    .map((one) => one.message)
    .filter(Boolean)
    .join("; ");

/** @param {string} serverVersion as PostgreSQL numbers it: 180004 @returns {string | undefined} */
export function versionProblem(serverVersion) {
  const major = Math.floor(Number(serverVersion) / 10_000);
  return major < oldest ? `it is PostgreSQL ${major}, and Millrace needs ${oldest} or newer` : undefined;
}

/** @template T @param {string} url @param {(client: import("pg").Client) => Promise<T>} work @returns {Promise<T>} */
export async function withDatabase(url, work) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  const cannot = (why) => new Error(`the database at ${placeOf(url)} can't be used: ${why}`);
  try {
    await client.connect();
  } catch (cause) {
    throw Object.assign(cannot(reasonOf(cause)), { cause });
  }
  try {
    const { rows } = await client.query("show server_version_num");
    const problem = versionProblem(rows[0].server_version_num);
    if (problem) throw cannot(problem);
    return await work(client);
  } finally {
    await client.end();
  }
}
