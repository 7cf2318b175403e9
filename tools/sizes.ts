// How long a file and a function may get, by what it is. The ceilings of the style guide, as a table.
// TypeScript functions are measured by Biome (noExcessiveLinesPerFunction in biome.json), the rest here.

export interface Ceiling {
  what: string;
  files: RegExp;
  fileLines: number;
  /** C and C++ only; TypeScript's are in biome.json. */
  functionLines?: number;
  /** A BPF program's own function: it should read like its summary. */
  entryLines?: number;
}

/** The first row that fits counts. */
export const ceilings: readonly Ceiling[] = [
  {
    what: "BPF C",
    files: /^packages\/bpf\/.*\.[ch]$/,
    fileLines: 400,
    functionLines: 60,
    entryLines: 40,
  },
  { what: "C++", files: /\.(cc|h)$/, fileLines: 450, functionLines: 60 },
  { what: "React", files: /\.tsx$/, fileLines: 300 },
  { what: "TypeScript", files: /\.(ts|mjs)$/, fileLines: 300 },
];
