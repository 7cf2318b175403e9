// Carts, kept in redis over one connection that lives as long as it works.
import { listen, server } from "./http.mjs";
import { redisClient } from "./redis-client.mjs";

let redis = redisClient("redis");

async function answer(incoming) {
  if (!redis.usable()) redis = redisClient("redis");
  const user = incoming.url.split("/")[2] ?? "0";
  const visits = await redis.command("HINCRBY", `cart:${user}`, "visits", "1");
  return { status: 200, body: JSON.stringify({ user, visits }) };
}

export const cart = () => listen(server(answer), 8083);
