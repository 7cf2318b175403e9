// Finds the functions of a C or C++ file by its braces, with their length. No preprocessor: a body
// that a macro opens isn't seen. Lambdas and local blocks belong to the function around them.
import { withoutComments } from "./source-text.ts";

export interface CFunction {
  name: string;
  /** Where its head starts. */
  line: number;
  /** From the head's first line to the closing brace. */
  lines: number;
  /** Has a SEC(): it is a program the kernel enters. */
  entry: boolean;
}

type Block = { kind: "function"; head: string; from: number } | { kind: "scope" };

/** A head ends with a parameter list, perhaps followed by qualifiers or a constructor's initialisers. */
const functionHead = /\)\s*(const|noexcept|override|final|mutable|->\s*[\w:<>*&\s]+|:\s[\s\S]*)*\s*$/;
const scopeHead = /^\s*(typedef\s+)?(extern\s*"|namespace\b|class\b|struct\b|union\b|enum\b)/;

export function functionsOf(text: string): CFunction[] {
  const code = withoutDirectives(withoutComments(text, "strings"));
  const found: CFunction[] = [];
  const open: Block[] = [];
  let headFrom = 0;
  for (let at = 0; at < code.length; at++) {
    const char = code[at];
    const inside = open.some((block) => block.kind === "function");
    if (char === ";" && !inside) headFrom = at + 1;
    if (char === "{") {
      open.push(inside ? { kind: "scope" } : blockOf(code.slice(headFrom, at), headFrom));
      if (!inside) headFrom = at + 1;
    }
    if (char === "}") {
      const block = open.pop();
      if (block?.kind === "function") found.push(measure(code, block.head, block.from, at));
      if (!open.some((outer) => outer.kind === "function")) headFrom = at + 1;
    }
  }
  return found;
}

function blockOf(head: string, from: number): Block {
  const isFunction = functionHead.test(head) && !scopeHead.test(head) && !/=\s*$/.test(head);
  return isFunction ? { kind: "function", head, from } : { kind: "scope" };
}

function measure(code: string, head: string, from: number, to: number): CFunction {
  const start = from + (head.length - head.trimStart().length);
  const line = code.slice(0, start).split("\n").length;
  const lines = code.slice(start, to).split("\n").length;
  const withoutSection = head.replace(/\bSEC\([^)]*\)/g, "");
  const macro = /\bBPF_\w+\(\s*(\w+)/.exec(withoutSection)?.[1];
  const plain = /([~\w:]+)\s*\(/.exec(withoutSection.replace(/__attribute__\s*\(\(.*?\)\)/g, ""))?.[1];
  return { name: macro ?? plain ?? "function", line, lines, entry: /\bSEC\(/.test(head) };
}

/** Blanks preprocessor lines and their continuations: their braces pair with nothing. */
function withoutDirectives(code: string): string {
  return code.replace(/^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/gm, (text) => text.replace(/[^\n]/g, " "));
}
