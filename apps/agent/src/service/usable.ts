/** Which of a service's backends new connections go to. Pure. */

/** `isOut`: connections to it fail (health.ts). */
export type Candidate = { draining: boolean; isOut: boolean };

/** Who drains gets nothing new as long as another doesn't, and who fails as long as another that doesn't drain doesn't fail. */
export function usableOf<T extends Candidate>(backends: readonly T[]): readonly T[] {
  const staying = backends.filter(({ draining }) => !draining);
  const well = staying.filter(({ isOut }) => !isOut);
  return [well, staying, backends].find((some) => some.length > 0) ?? backends;
}
