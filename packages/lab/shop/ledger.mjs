// The sidecar in checkout's pod: same addresses, another container. Once a second it writes to redis over a
// connection of its own, and asks payments for the balance; so a pod's two containers both have traffic.
import { call, expectOk, listen, server } from "./http.mjs";
import { pace } from "./pace.mjs";
import { redisClient } from "./redis-client.mjs";
import { settings } from "./settings.mjs";

async function post(number) {
  const redis = redisClient("redis", { family: number % 2 === 0 ? 4 : 6 });
  try {
    await redis.command("LPUSH", "ledger", `entry ${number}`);
    await redis.command("LTRIM", "ledger", "0", "99");
  } finally {
    redis.close();
  }
  await expectOk("payments", call("GET", "payments", 8082, "/balance", { fresh: true, family: 6 }));
}

export function ledger() {
  pace(() => Math.min(1, settings().ratePerSecond), post, 4);
  return listen(
    server(async () => ({ status: 200, body: "{}" })),
    8090,
  );
}
