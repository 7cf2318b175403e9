/**
 * A function of a port as the fewest prefixes whose longest match gives it: the kernel asks a longest-prefix-match map, so which
 * of two rules wins is decided here and never there. After Draves et al., "Constructing Optimal IP Routing Tables", 1999.
 */

const WIDTH = 16;

export type PortPrefix = { value: number; bits: number; choice: number };
/** `choices` are what a prefix here may say so that the least is left to say below; sorted. */
type Node = { choices: readonly number[]; halves?: readonly [Node, Node] };

/**
 * `starts` rises from 0; from `starts[i]` to the next start every port has `choices[i]`. `inherited` is what holds for a
 * port that no prefix covers. A prefix of 0 bits is the whole protocol.
 */
export function fewestPrefixes(
  starts: readonly number[],
  choices: readonly number[],
  inherited: number,
): PortPrefix[] {
  const found: PortPrefix[] = [];
  write(treeOf(starts, choices, { value: 0, bits: 0 }, 0), { value: 0, bits: 0 }, inherited, found);
  return found;
}

type Place = { value: number; bits: number };
const halvesOf = ({ value, bits }: Place): [Place, Place] => [
  { value, bits: bits + 1 },
  { value: value + 2 ** (WIDTH - bits - 1), bits: bits + 1 },
];

/** `at` is the interval that the place begins in. */
function treeOf(starts: readonly number[], choices: readonly number[], place: Place, at: number): Node {
  const end = place.value + 2 ** (WIDTH - place.bits);
  if ((starts[at + 1] ?? end) >= end) return { choices: [choices[at] as number] };
  const [low, high] = halvesOf(place);
  let atHigh = at;
  while ((starts[atHigh + 1] ?? end) <= high.value) atHigh++;
  const halves = [treeOf(starts, choices, low, at), treeOf(starts, choices, high, atHigh)] as const;
  return { choices: agreed(halves[0].choices, halves[1].choices), halves };
}

/** What both halves could be told at once; else either's, and the other will say its own. */
function agreed(low: readonly number[], high: readonly number[]): readonly number[] {
  const both = low.filter((choice) => high.includes(choice));
  return both.length > 0 ? both : [...new Set([...low, ...high])].sort((a, b) => a - b);
}

function write({ choices, halves }: Node, place: Place, inherited: number, found: PortPrefix[]): void {
  const choice = choices.includes(inherited) ? inherited : (choices[0] as number);
  if (choice !== inherited) found.push({ ...place, choice });
  if (!halves) return;
  const places = halvesOf(place);
  write(halves[0], places[0], choice, found);
  write(halves[1], places[1], choice, found);
}
