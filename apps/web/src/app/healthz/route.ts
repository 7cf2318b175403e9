/** The process answers. Whether it can work is /readyz's. */
export const dynamic = "force-dynamic";
export const GET = (): Response => Response.json({ ok: true });
