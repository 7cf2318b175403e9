// Orders: each is a charge at payments. Every third one opens a connection of its own, and the families
// alternate.
import { call, expectOk, listen, server } from "./http.mjs";

let charges = 0;

async function answer() {
  const number = charges++;
  const how = { fresh: number % 3 === 2, family: number % 2 === 0 ? 4 : 6, body: JSON.stringify({ number }) };
  const body = await expectOk("payments", call("POST", "payments", 8082, "/charge", how));
  return { status: 200, body };
}

export const checkout = () => listen(server(answer), 8081);
