// Work at a rate that may change while it runs: starts `work` as often as the rate says, with a bound on how
// much is under way, and counts what that bound held back instead of letting it pile up.
import { count } from "./report.mjs";

const TICK_MS = 20;

export function pace(ratePerSecond, work, mostUnderWay) {
  let owed = 0;
  let underWay = 0;
  let number = 0;
  let last = performance.now();
  const start = async () => {
    underWay++;
    try {
      await work(number++);
      count("ok");
    } catch {
      count("failed");
    } finally {
      underWay--;
    }
  };
  setInterval(() => {
    const now = performance.now();
    owed += ((now - last) / 1000) * ratePerSecond();
    last = now;
    for (; owed >= 1; owed--) {
      if (underWay < mostUnderWay) start();
      else count("held_back");
    }
  }, TICK_MS);
}
