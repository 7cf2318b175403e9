/** Prometheus' view of the web process; ingest and agents have their own. */
import { env } from "@/env.ts";
import { mayScrape, metrics } from "@/server/metrics.ts";

export const dynamic = "force-dynamic";
export async function GET(request: Request): Promise<Response> {
  if (!mayScrape(env(), request.headers.get("authorization")))
    return new Response("metrics are for loopback, or need METRICS_TOKEN\n", { status: 403 });
  const { registry } = metrics();
  return new Response(await registry.metrics(), { headers: { "content-type": registry.contentType } });
}
