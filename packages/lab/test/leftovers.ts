/**
 * What of a lab can be found on the machine, looked for without the lab's own code where that is possible:
 * the measure of "nothing is left". Used by tests only.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const lines = (file: string): string[] => readFileSync(file, "utf8").split("\n").filter(Boolean);

function cgroupDirectories(labName: string): string[] {
  return lines("/proc/self/mountinfo")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => `${line.split(" ")[4]}/millrace-lab/${labName}`)
    .filter((directory) => existsSync(directory));
}

function processes(labName: string): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        // A dead one that pid 1 hasn't reaped yet holds nothing and is nobody's to remove.
        if (/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return false;
        return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(`/millrace-lab/${labName}/`);
      } catch {
        return false;
      }
    })
    .map((pid) => `process ${pid}`);
}

export function leftovers(labName: string, stateDirectory: string): string[] {
  const namespaces = existsSync("/run/netns") ? readdirSync("/run/netns") : [];
  return [
    ...namespaces.filter((netns) => netns.startsWith(`mr-${labName}-`)).map((netns) => `netns ${netns}`),
    ...cgroupDirectories(labName),
    ...processes(labName),
    ...lines("/proc/self/mountinfo").filter(
      (line) => line.includes(stateDirectory) || line.includes(`mr-${labName}-`),
    ),
    ...[`/run/millrace-lab/${labName}.json`, stateDirectory].filter((path) => existsSync(path)),
  ];
}
