/** Sign-in, sign-out, password: better-auth's own API. Closed where credentials may not be taken. */
import { auth, refusal } from "@/server/auth.ts";
import { bounded } from "@/server/body-limit.ts";

async function handler(request: Request): Promise<Response> {
  const closed = refusal();
  if (closed) return Response.json({ code: "FORBIDDEN", message: closed }, { status: 403 });
  const read = await bounded(request);
  return read instanceof Response ? read : auth().handler(read);
}

export { handler as GET, handler as POST };
