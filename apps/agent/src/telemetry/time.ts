/**
 * Kernel time to wall time. The kernel stamps by the time since boot; the difference to the wall clock is
 * measured each interval, because the wall clock may be set. Microseconds since 1970 as doubles: exact.
 */
export type ClockReading = { bootNs: bigint; realtimeNs: bigint };

export class WallClock {
  #offsetUs = 0;

  /** Once per interval; a step of the wall clock moves what is seen from then on. */
  set(reading: ClockReading): void {
    this.#offsetUs = Number((reading.realtimeNs - reading.bootNs) / 1000n);
  }
  /** From the two words of a kernel time stamp. */
  us(low: number, high: number): number {
    return Math.floor((high * 0x1_0000_0000 + low) / 1000) + this.#offsetUs;
  }
  usOf(ns: bigint): number {
    return Number(ns / 1000n) + this.#offsetUs;
  }
}
