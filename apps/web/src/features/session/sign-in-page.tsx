"use client";
/** Signing in with e-mail and password, or by the organisation's single sign-on where it is set up. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { TextField } from "@/ui/field.tsx";
import { authClient } from "@/view/auth-client.ts";
import { nextPath } from "./next-path.ts";

const UNREACHABLE = "The control plane doesn't answer. Check that Millrace is running.";

export function SignInPage(props: { next: string | null; problem: string | null }) {
  const { next } = props;
  const [problem, setProblem] = useState(props.problem);
  const [busy, setBusy] = useState(false);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      const { error } = await authClient.signIn.email({
        email: String(form.get("email")),
        password: String(form.get("password")),
      });
      // A full load: the pages' server side has to see the new session.
      if (!error) return window.location.assign(nextPath(next));
      setProblem(
        error.status === 429 ? "Too many tries: wait a minute." : (error.message ?? "It was refused."),
      );
    } catch {
      setProblem(UNREACHABLE);
    }
    setBusy(false);
  };
  return (
    <main className="grid min-h-dvh place-items-center px-4">
      <div className="w-full max-w-80">
        <h1 className="text-xl">Millrace</h1>
        <p className="mb-6 text-text-2">Container networking you can see through.</p>
        <form onSubmit={(event) => void onSubmit(event)} className="flex flex-col gap-4">
          <TextField label="E-mail" name="email" type="email" autoComplete="username" required autoFocus />
          <TextField
            label="Password"
            name="password"
            type="password"
            autoComplete="current-password"
            required
          />
          {problem && (
            <p role="alert" className="text-dropped">
              ✕ {problem}
            </p>
          )}
          <Button type="submit" variant="primary" busy={busy} className="justify-center">
            Sign in
          </Button>
        </form>
        <SingleSignOn next={next} onProblem={setProblem} />
      </div>
    </main>
  );
}

function SingleSignOn(props: { next: string | null; onProblem: (problem: string | null) => void }) {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.session.providers.queryOptions());
  if (!data?.oidc) return null;
  const go = async () => {
    const asked = authClient.signIn.social({
      provider: "oidc",
      callbackURL: nextPath(props.next),
      errorCallbackURL: "/sign-in",
    });
    const failure = await asked.then(
      ({ error }) => error && (error.message ?? "Single sign-on refused."),
      () => UNREACHABLE,
    );
    props.onProblem(failure);
  };
  return (
    <div className="mt-4 border-t border-line pt-4">
      <Button className="w-full justify-center" onClick={() => void go()}>
        Sign in with {data.oidc}
      </Button>
    </div>
  );
}
