// Reads TypeScript, JavaScript and C as text: blanks out comments, finds imports. No parser: the
// checkers need two facts that a scanner can tell, and must run before anything is built.

/** `quoted` are "…" and '…'; a template holds code as well. */
export type Blanked = "nothing" | "quoted" | "strings";

/** The same text, same length and lines, with every comment (and on request every string) blanked. */
export function withoutComments(text: string, alsoBlank: Blanked = "nothing"): string {
  const out = text.split("");
  const blank = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
  };
  let at = 0;
  let lastCode = "";
  while (at < text.length) {
    const end = tokenEnd(text, at, lastCode);
    const kind = text.startsWith("//", at) || text.startsWith("/*", at) ? "comment" : "other";
    if (kind === "comment") blank(at, end);
    else if (end > at + 1 && (alsoBlank === "strings" || (alsoBlank === "quoted" && text[at] !== "`"))) {
      blank(at + 1, end - 1);
    }
    if (kind !== "comment" && !/\s/.test(text[at] as string))
      lastCode = text.slice(Math.max(0, at - 8), at + 1);
    at = end;
  }
  return out.join("");
}

/** Where the comment, string, template or regular expression that starts at `at` ends; else one further. */
function tokenEnd(text: string, at: number, before: string): number {
  const char = text[at] as string;
  if (text.startsWith("//", at)) return indexOr(text, "\n", at);
  if (text.startsWith("/*", at)) return indexOr(text, "*/", at + 2) + 2;
  if (char === '"' || char === "'") return quotedEnd(text, at, char, true);
  if (char === "`") return quotedEnd(text, at, "`", false);
  if (char === "/" && /(^|[(,=:[!&|?{};+\-*%<>~^]|\breturn)$/.test(before)) return regexEnd(text, at);
  return at + 1;
}

const indexOr = (text: string, what: string, from: number) => {
  const found = text.indexOf(what, from);
  return found < 0 ? text.length : found;
};

/** An unfinished one-line string ends at its line: an apostrophe in JSX text must not eat the file. */
function quotedEnd(text: string, at: number, quote: string, oneLine: boolean): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) return i + 1;
    else if (oneLine && text[i] === "\n") return at + 1;
  }
  return at + 1;
}

function regexEnd(text: string, at: number): number {
  let inClass = false;
  for (let i = at + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    else if (text[i] === "/" && !inClass) return i + 1;
  }
  return at + 1;
}

export interface Import {
  specifier: string;
  typeOnly: boolean;
  line: number;
}

const statement = /\b(?:import|export)\s+(type\s+)?(?:([\w*{}\s,$]+?)\s*from\s*)?["']([^"']+)["']/g;
const dynamic = /\bimport\(\s*["']([^"']+)["']\s*\)/g;

export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const bare = withoutComments(text, "strings");
  const isCode = (index: number) => bare[index] !== " ";
  const lineAt = (index: number) => code.slice(0, index).split("\n").length;
  const found: Import[] = [];
  for (const match of code.matchAll(statement)) {
    if (!isCode(match.index)) continue;
    const typeOnly = match[1] !== undefined || onlyTypes(match[2]);
    found.push({ specifier: match[3] as string, typeOnly, line: lineAt(match.index) });
  }
  for (const match of code.matchAll(dynamic)) {
    if (!isCode(match.index)) continue;
    found.push({ specifier: match[1] as string, typeOnly: false, line: lineAt(match.index) });
  }
  return found;
}

function onlyTypes(clause: string | undefined): boolean {
  const named = clause?.trim().match(/^\{([^}]*)\}$/)?.[1];
  if (named === undefined) return false;
  const names = named.split(",").filter((name) => name.trim());
  return names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}
