/** Sign-in, sign-out, password: better-auth's own API. Closed where credentials may not be taken. */
import { auth, refusal } from "@/server/auth.ts";

async function handler(request: Request): Promise<Response> {
  const closed = refusal();
  if (closed) return Response.json({ code: "FORBIDDEN", message: closed }, { status: 403 });
  return auth().handler(request);
}

export { handler as GET, handler as POST };
