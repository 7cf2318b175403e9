/** The time as an argument: what waits or compares times takes a Clock, so that tests set it. No formatting. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number;
};
export const systemClock: Clock = { now: () => Date.now() };
