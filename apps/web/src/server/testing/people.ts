/** Accounts of every role, signed in, and calls as them: over HTTP's own handlers where that matters. Test material. */
import { ROLES, type Role } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { SYSTEM } from "../audit/service.ts";
import { auth } from "../auth.ts";
import { createUser } from "../user/service.ts";
import { ORIGIN } from "./environment.ts";

export const PASSWORD = "correct horse battery";

export async function makePeople(): Promise<Record<Role, Me>> {
  const people = {} as Record<Role, Me>;
  for (const role of ROLES) {
    const email = `${role}@example.org`;
    const { id, name } = await createUser({ email, name: role, password: PASSWORD, role }, SYSTEM);
    people[role] = { id, name, email, role, via: "session" };
  }
  return people;
}

export const signIn = (
  email: string,
  password = PASSWORD,
  headers: Record<string, string> = {},
): Promise<Response> =>
  auth().handler(
    new Request(`${ORIGIN}/api/auth/sign-in/email`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: ORIGIN, ...headers },
      body: JSON.stringify({ email, password }),
    }),
  );

/** What the browser would send back. */
export const cookieOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
