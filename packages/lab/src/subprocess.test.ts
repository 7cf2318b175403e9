/** Running programs: exit codes, bounds on time and output, and errors that name the program. */
import { expect, test } from "vitest";
import { run, runChecked, until } from "./subprocess.ts";

test("input goes in, output and exit code come out", async () => {
  const outcome = await run({ argv: ["sh", "-c", "cat; echo bad >&2; exit 3"], stdin: "in" });
  expect(outcome).toEqual({ code: 3, stdout: "in", stderr: "bad\n" });
});

test("an argument reaches the program as it is", async () => {
  const odd = "$(id); 'x' \"y\" \n*";
  expect((await run({ argv: ["printf", "%s", odd] })).stdout).toBe(odd);
});

test("a checked failure names the program, its code and what it said", async () => {
  await expect(runChecked({ argv: ["sh", "-c", "echo no >&2; exit 4"] })).rejects.toThrow(
    /sh .*code 4, said: no/,
  );
});

test("a failure that says it is already so is none", async () => {
  const argv = ["sh", "-c", "echo no such thing >&2; exit 1"];
  await expect(runChecked({ argv, absentTexts: ["other", "no such"] })).resolves.toMatchObject({ code: 1 });
});

test("a program that isn't there is named", async () => {
  await expect(run({ argv: ["/no/such/program"] })).rejects.toThrow("can't start /no/such/program");
});

test("a program that hangs is ended", async () => {
  await expect(run({ argv: ["sleep", "60"] }, 50)).rejects.toThrow("sleep 60: not done after 50 ms");
});

test("a program that floods is ended", async () => {
  await expect(run({ argv: ["cat", "/dev/zero"] })).rejects.toThrow(/more than \d+ bytes of output/);
});

test("until says whether the condition came", async () => {
  let calls = 0;
  expect(await until(() => ++calls > 3, 10_000, 1)).toBe(true);
  expect(await until(() => false, 10, 1)).toBe(false);
});
