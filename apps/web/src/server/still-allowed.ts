/**
 * A stream outlives the check of who opened it: an account can be removed, a token revoked, a role taken away
 * while it runs. Before something is handed on it is asked again, at most every RECHECK_MS. It knows neither
 * sessions nor roles: `check` throws when the stream must end.
 */
export const RECHECK_MS = 3_000;

export async function* stillAllowed<T>(
  source: AsyncIterable<T>,
  check: () => Promise<void>,
  now: () => number = () => performance.now(),
): AsyncGenerator<T> {
  let checkedAt = now();
  for await (const item of source) {
    if (now() - checkedAt >= RECHECK_MS) {
      await check();
      checkedAt = now();
    }
    yield item;
  }
}
