/**
 * A real OpenID Connect provider on loopback: whoever speakAs() names signs in there without a password and
 * agrees to everything. Its keys are the package's, known to all. Test material.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

export type Person = { sub: string; email: string; email_verified: boolean; name: string };
export type IdentityProvider = {
  readonly discoveryUrl: string;
  /** Who is at the browser; null: the person gives up. */
  speakAs: (person: Person | null) => void;
  close: () => Promise<void>;
};

export const CLIENT = { id: "millrace", secret: "a secret between the two of them" } as const;

export async function startIdentityProvider(redirectUri: string): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const people = new Map<string, Person>();
  let speaker: Person | null = null;
  const provider = providerAt(issuer, redirectUri, people);
  const answer = provider.callback();
  server.on("request", (req, res) => {
    if (!req.url?.startsWith("/interaction/")) return void answer(req, res);
    void finish(provider, req, res, speaker);
  });
  return {
    discoveryUrl: `${issuer}/.well-known/openid-configuration`,
    speakAs: (person) => {
      speaker = person;
      if (person) people.set(person.sub, person);
    },
    close: () => closed(server),
  };
}

function providerAt(issuer: string, redirectUri: string, people: Map<string, Person>): Provider {
  const provider: Provider = new Provider(issuer, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false,
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, IdToken: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...people.get(sub), sub }) }),
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  provider.on("server_error", (_, error) => console.error(error));
  return provider;
}

async function finish(
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
  person: Person | null,
): Promise<void> {
  const result = person
    ? { login: { accountId: person.sub } }
    : { error: "access_denied", error_description: "the person gave up" };
  await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
