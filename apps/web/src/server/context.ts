/**
 * Who is asking: the session of a cookie, or the owner of `Authorization: Bearer mrt_…`. Credentials that may
 * not be taken here are a refusal with its reason, not a stranger. What a caller may do is trpc.ts's to say.
 */
import { AppError } from "@millrace/contract/error";
import type { Role } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { env } from "../env.ts";
import { auth, refusal } from "./auth.ts";
import { foreignRequest } from "./origin.ts";
import { PERSONAL_TOKEN } from "./secret.ts";
import { ownerOfToken } from "./token/service.ts";
import { touchSession } from "./user/service.ts";

export type Context = {
  readonly me: Me | null;
  /** Credentials were there but are not taken: why. */
  readonly refusal: AppError | null;
  /** Asks the same credentials anew; absent where nothing lasts longer than the answer. */
  readonly again?: () => Promise<Context>;
};
const STRANGER: Context = { me: null, refusal: null };

/**
 * From a request's headers. Server components pass what next/headers gives and no method: they only read, and
 * a page may be opened by a link from anywhere.
 */
export async function createContext(request: { headers: Headers; method?: string }): Promise<Context> {
  return { ...(await contextOf(request)), again: () => contextOf(request) };
}

async function contextOf(request: { headers: Headers; method?: string }): Promise<Context> {
  const { headers, method } = request;
  const bearer = headers.get("authorization");
  if (!bearer && !headers.has("cookie")) return STRANGER;
  const closed = refusal();
  if (closed) return refused(new AppError("FORBIDDEN", closed, { publicMessage: closed }));
  if (bearer) return fromToken(bearer);
  const me = await fromSession(headers);
  if (!me) return STRANGER;
  const foreign = method === undefined ? null : foreignRequest(env(), headers, method);
  return foreign ? refused(foreign) : { me, refusal: null };
}

const refused = (refusal: AppError): Context => ({ me: null, refusal });

async function fromToken(bearer: string): Promise<Context> {
  const token = /^Bearer +(\S{20,200})$/i.exec(bearer)?.[1];
  const me = token?.startsWith(PERSONAL_TOKEN) ? await ownerOfToken(token) : undefined;
  if (me) return { me, refusal: null };
  const why = "The token is not known, revoked, or has expired";
  return refused(new AppError("UNAUTHENTICATED", "a bearer token that isn't good", { publicMessage: why }));
}

async function fromSession(headers: Headers): Promise<Me | null> {
  const found = await auth().api.getSession({ headers, query: { disableRefresh: true } });
  if (!found) return null;
  await touchSession(found.session);
  const { id, email, name } = found.user;
  return { id, email, name, role: found.user.role as Role, via: "session" };
}
