/** What an identity provider's refusal means, in words. The code comes with the address: anybody may have made it up. */
const WORDS: Readonly<Record<string, string>> = {
  access_denied: "Single sign-on was given up or refused at the provider.",
  account_not_linked:
    "There is an account for this e-mail, but the provider doesn't vouch for the address: sign in with the password.",
  email_not_found: "The provider doesn't tell your e-mail: it has to share it with Millrace.",
  invalid_code: "The provider's answer couldn't be checked: try again, or ask an admin to look at the log.",
  unable_to_get_user_info:
    "The provider's answer couldn't be checked: try again, or ask an admin to look at the log.",
  state_mismatch: "Single sign-on took too long or was begun elsewhere: try again.",
};

export function signInProblem(code: string | null): string | null {
  if (!code) return null;
  const known = Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  const shown = /^[a-z_]{1,40}$/i.test(code) ? ` (${code})` : "";
  return known ?? `Single sign-on failed${shown}: try again, or ask an admin to look at the log.`;
}
