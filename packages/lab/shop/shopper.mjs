// The customers: pages and orders from web at the lab's rate, over both families, mostly on kept-alive
// connections and some on fresh ones. The load of the whole shop follows from this one.
import { call, expectOk } from "./http.mjs";
import { pace } from "./pace.mjs";
import { gauge } from "./report.mjs";
import { onSettings, settings } from "./settings.mjs";

const MOST_UNDER_WAY = 256;
const USERS = 50;

async function visit(number) {
  const family = number % 3 === 2 ? 6 : 4;
  const fresh = number % 5 === 4;
  const beganMs = performance.now();
  const ordering = number % 4 === 3;
  const [method, path] = ordering ? ["POST", "/order"] : ["GET", `/page/${number % USERS}`];
  await expectOk("web", call(method, "web", 8080, path, { family, fresh }));
  gauge(ordering ? "last_order_ms" : "last_page_ms", Math.round(performance.now() - beganMs));
}

export function shopper() {
  onSettings(({ ratePerSecond }) => gauge("rate_per_second", ratePerSecond));
  pace(() => settings().ratePerSecond, visit, MOST_UNDER_WAY);
}
