// The command line of `npm start`.
import { expect, test } from "vitest";
import { closest, parseArguments, usage } from "./arguments.mjs";

test("without options everything is built and served, with the lab", () => {
  expect(parseArguments([])).toEqual({
    ok: true,
    options: { name: "demo", buildOnly: false, serve: true, lab: true, dataplane: true, help: false },
  });
});

test("a misspelt option is named and corrected", () => {
  const parsed = parseArguments(["--no-labs"]);
  expect(parsed).toMatchObject({ ok: false });
  expect("message" in parsed && parsed.message).toBe(
    "unknown option --no-labs; did you mean --no-lab? (--help lists all)",
  );
});

test("an option unlike any other is named, and nothing is guessed", () => {
  expect(parseArguments(["--frobnicate"])).toEqual({
    ok: false,
    message: "unknown option --frobnicate (--help lists all)",
  });
});

test("Millrace carries the lab's packets unless told to observe; this machine's own it only observes", () => {
  expect(parseArguments([])).toMatchObject({ options: { lab: true, dataplane: true } });
  expect(parseArguments(["--observe"])).toMatchObject({ options: { lab: true, dataplane: false } });
  expect(parseArguments(["--no-lab"])).toMatchObject({ options: { lab: false, dataplane: false } });
});

test("a name is taken in both spellings, and refused when it couldn't name a network device", () => {
  expect(parseArguments(["--name", "e2e"])).toMatchObject({ options: { name: "e2e" } });
  expect(parseArguments(["--name=e2e"])).toMatchObject({ options: { name: "e2e" } });
  for (const bad of ["", "Two Words", "a/b", "toolongname"]) {
    expect(parseArguments(["--name", bad])).toMatchObject({ ok: false });
  }
  expect(parseArguments(["--name"])).toMatchObject({ ok: false });
});

test("the help names every option that is understood", () => {
  for (const flag of ["--no-lab", "--observe", "--build-only", "--no-serve", "--help"]) {
    expect(usage).toContain(flag);
    expect(parseArguments([flag])).toMatchObject({ ok: true });
  }
});

test("the nearest word wins", () => {
  expect(closest("--biuld-only", ["--no-serve", "--build-only"])).toBe("--build-only");
});
