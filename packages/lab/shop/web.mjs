// The front: a page needs the visitor's cart, an order goes to checkout. Half of what it asks of checkout
// goes over IPv6.
import { call, expectOk, listen, server } from "./http.mjs";

// Several segments at once: what a queue that is too short can't take in.
const PAGE = Buffer.from(JSON.stringify({ products: "item ".repeat(2_400) }));
let orders = 0;

async function answer(incoming) {
  if (incoming.method === "POST") {
    const family = orders++ % 2 === 0 ? 4 : 6;
    const body = await expectOk("checkout", call("POST", "checkout", 8081, "/order", { family }));
    return { status: 200, body };
  }
  const user = incoming.url.split("/")[2] ?? "0";
  await expectOk("cart", call("GET", "cart", 8083, `/cart/${user}`));
  return { status: 200, body: PAGE };
}

export const web = () => listen(server(answer), 8080);
