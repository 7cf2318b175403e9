import { describe, expect, test } from "vitest";
import { readInvocation } from "./config.ts";

const read = (line: string, env: NodeJS.ProcessEnv = {}) =>
  readInvocation(line.split(" ").filter(Boolean), env);
const config = (line: string, env: NodeJS.ProcessEnv = {}) => {
  const found = read(line, env);
  if (found.do !== "run") throw new Error(found.do === "explain" ? found.text : found.do);
  return found.config;
};

describe("settings", () => {
  test("flags are taken, and what is absent has a sensible value", () => {
    const found = config("--host-name h1 --runtime runc=/a --runtime docker=/b --metrics 127.0.0.1:0");
    expect(found).toMatchObject({
      ...{
        hostName: "h1",
        flowTable: 65_536,
        flowShare: 50,
        spoolLimit: 256e6,
        metrics: { host: "127.0.0.1", port: 0 },
      },
      runtime: [
        { kind: "runc", directory: "/a" },
        { kind: "docker", directory: "/b" },
      ],
    });
    expect(found.interval).toBeUndefined();
  });

  test("the environment fills in, and a flag wins over it", () => {
    const env = {
      ...{ MILLRACE_AGENT_HOST_NAME: "from-env", MILLRACE_AGENT_RUNTIME: "runc=/x,crio=/y" },
      ...{ MILLRACE_AGENT_FLOW_TABLE: "1000", MILLRACE_AGENT_DETACH_ON_EXIT: "1" },
    };
    expect(config("", env)).toMatchObject({ hostName: "from-env", flowTable: 1000, detachOnExit: true });
    expect(config("", env).runtime).toHaveLength(2);
    expect(config("--host-name mine", env).hostName).toBe("mine");
  });

  test("a runtime's socket is where it was said to be, or isn't to be asked", () => {
    const { runtimeSocket } = config("--runtime-socket podman=/run/p.sock --runtime-socket docker=none");
    expect(runtimeSocket).toEqual([
      { kind: "podman", socket: "/run/p.sock" },
      { kind: "docker", socket: null },
    ]);
    expect(config("", { MILLRACE_AGENT_RUNTIME_SOCKET: "crio=/c.sock" }).runtimeSocket).toHaveLength(1);
    const wrong = read("--runtime-socket runc=/a");
    expect(wrong.do === "explain" && wrong.text).toMatch(
      /--runtime-socket: runc=\/a: NAME=PATH or NAME=none/,
    );
  });

  test("pods' links are of the kind that is asked for, by itself of the best", () => {
    expect(config("").podLink).toBe("auto");
    expect(config("--pod-link veth").podLink).toBe("veth");
    expect(config("", { MILLRACE_AGENT_POD_LINK: "netkit" }).podLink).toBe("netkit");
    const wrong = read("--pod-link ipvlan");
    expect(wrong.do === "explain" && wrong.text).toMatch(/--pod-link: .*"auto"\|"veth"\|"netkit"/);
  });

  test("ports to masquerade with are a range or none", () => {
    expect(config("").masqueradePorts).toEqual({ first: 20_000, last: 31_999 });
    expect(config("--masquerade-ports 5000-5999").masqueradePorts).toEqual({ first: 5000, last: 5999 });
    expect(config("--masquerade-ports none").masqueradePorts).toBeUndefined();
    const wrong = read("--masquerade-ports 80-90");
    expect(wrong.do === "explain" && wrong.text).toMatch(/--masquerade-ports: 80-90: FIRST-LAST is needed/);
  });

  test("every problem is named at once, with EX_CONFIG", () => {
    const found = read(
      "--server ftp://x --host-name a_b --flow-table 3 --flow-share 0 --runtime lxc=/a --spool-limit 1MB",
    );
    expect(found).toMatchObject({ do: "explain", exitCode: 78 });
    const text = found.do === "explain" ? found.text : "";
    for (const flag of [
      "--server",
      "--host-name",
      "--flow-table",
      "--flow-share",
      "--runtime",
      "--spool-limit",
    ])
      expect(text).toContain(`${flag}: `);
  });

  test("a misspelt flag is corrected", () => {
    const found = read("--sever http://x");
    expect(found).toMatchObject({ do: "explain", exitCode: 78 });
    expect(found.do === "explain" && found.text).toMatch(/Did you mean --server/);
  });

  test("credentials in the server's address are refused, since addresses are logged", () => {
    expect(read("--server http://user:pass@x/")).toMatchObject({ do: "explain" });
  });

  test("cleanup takes the directory of pins and nothing else", () => {
    expect(read("cleanup --pin-dir /sys/fs/bpf/x")).toEqual({
      do: "cleanup",
      config: { pinDir: "/sys/fs/bpf/x" },
    });
  });

  test("help is no error", () => {
    expect(read("--help")).toMatchObject({ do: "explain", exitCode: 0 });
  });
});
