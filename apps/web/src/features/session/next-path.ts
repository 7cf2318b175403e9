/** Where to go after signing in: only to a page of our own. */
export function nextPath(asked: string | null | undefined): string {
  // `//host` and `/\host` are other sites to a browser.
  if (!asked || !/^\/(?![/\\])/.test(asked) || asked.startsWith("/sign-in")) return "/overview";
  return asked;
}
