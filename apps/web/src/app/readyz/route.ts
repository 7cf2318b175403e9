/** Ready: the database answers and is migrated. 503 with the reason when it doesn't. */
import { readiness } from "@/server/setting/service.ts";

export const dynamic = "force-dynamic";
export async function GET(): Promise<Response> {
  const problem = await readiness();
  return problem ? Response.json({ ok: false, problem }, { status: 503 }) : Response.json({ ok: true });
}
