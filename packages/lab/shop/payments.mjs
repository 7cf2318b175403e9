// Charges, and the target of two faults: it closes its port, so that the kernel refuses connections, or
// takes its time to answer.
import { setTimeout as wait } from "node:timers/promises";
import { listen, server } from "./http.mjs";
import { onSettings, settings } from "./settings.mjs";

async function answer(incoming) {
  const { paymentsDelayMs } = settings();
  if (paymentsDelayMs > 0 && incoming.method === "POST") await wait(paymentsDelayMs);
  return { status: 200, body: JSON.stringify({ charged: true }) };
}

export function payments() {
  const http = server(answer);
  onSettings(({ paymentsOpen }) => {
    if (paymentsOpen && !http.listening) listen(http, 8082);
    if (!paymentsOpen && http.listening) {
      http.close();
      http.closeAllConnections();
    }
  });
}
