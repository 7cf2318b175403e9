/**
 * Golden text: `### name`, the case as JSON, `----`, the plan a line a step. `UPDATE_GOLDEN=1` writes the
 * plans anew; the difference is what gets reviewed. Tests only.
 */
import fs from "node:fs";

export type GoldenCase = { name: string; input: string; expected: string };

export function readGolden(file: string): GoldenCase[] {
  return fs
    .readFileSync(file, "utf8")
    .split(/^### /m)
    .slice(1)
    .map((block) => {
      const [title = "", ...rest] = block.split("\n");
      const [input = "", expected = ""] = rest.join("\n").split(/^----\n/m);
      return { name: title.trim(), input, expected: expected.trim() };
    });
}

export function updateGolden(file: string, run: (input: string) => string): void {
  const blocks = readGolden(file).map(
    ({ name, input }) => `### ${name}\n${input}----\n${`${run(input)}\n`.trimStart()}`,
  );
  fs.writeFileSync(file, blocks.join("\n"));
}
