/** Where to go after signing in: only to a page of our own. */
const HERE = "http://here.invalid";

/**
 * Read as a browser reads it: backslashes are slashes, tabs and line ends are taken out, dots are resolved.
 * What then begins with two slashes is another site.
 */
export function nextPath(asked: string | null | undefined): string {
  const read = asked?.startsWith("/") && URL.canParse(asked, HERE) ? new URL(asked, HERE) : null;
  if (!read || read.origin !== HERE || /^\/(\/|sign-in)/.test(read.pathname)) return "/overview";
  return read.pathname + read.search + read.hash;
}
