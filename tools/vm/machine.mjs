// A virtual machine that runs one command on another kernel, with this machine's files to read and memory to
// write to. Emulated, so that it needs no KVM; what it measures in time means nothing, unless it counts instructions.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { run } from "../command.mjs";
import { copyModules } from "./modules.mjs";

/** For the files of this machine; a kernel that has one of them built in has no such module. */
const OWN_MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];
const END = "command ended with ";

const FAST = ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"];
/**
 * Its clock goes on by a nanosecond an instruction, so that a time is a count. The emulator counts each turn of a string
 * instruction, where a processor counts one: without these features the kernel copies and clears by loops of its own.
 */
const COUNTING = [
  ...["-accel", "tcg,thread=single", "-icount", "shift=0"],
  ...["-cpu", "max,-erms,-fsrm", "-smp", "1"],
];

const initScript = (modules, command) => `#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /ro /rw /new
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t devtmpfs dev /dev
for module in ${modules.join(" ")}; do insmod /$module; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro root /ro
mount -t tmpfs tmpfs /rw && mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/ro,upperdir=/rw/upper,workdir=/rw/work overlay /new
mount -t proc proc /new/proc && mount -t sysfs sysfs /new/sys && mount -t devtmpfs dev /new/dev
mount -t bpf bpf /new/sys/fs/bpf
PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/chroot /new /bin/sh -c '${command}'
echo "${END}$?"
poweroff -f
`;

/** @param {import("./kernel.mjs").Kernel} kernel @param {string} folder @param {string[]} modules @param {string} command */
async function makeInitramfs(kernel, folder, modules, command) {
  const root = path.join(folder, "root");
  mkdirSync(path.join(root, "bin"), { recursive: true });
  copyFileSync("/usr/bin/busybox", path.join(root, "bin/busybox"));
  const files = await copyModules(kernel, [...OWN_MODULES, ...modules], root);
  writeFileSync(path.join(root, "init"), initScript(files, command));
  chmodSync(path.join(root, "init"), 0o755);
  const file = path.join(folder, "initramfs");
  const script = `cd '${root}' && find . | cpio --quiet -o -H newc > '${file}'`;
  const { code, output } = await run("sh", ["-c", script]);
  if (code !== 0) throw new Error(`the initramfs can't be made: ${output}`);
  return file;
}

/** What the machine said and how the command ended; a command without an end has a code of undefined.
 *  @param {string} said @returns {{ code: number | undefined, output: string }} */
export function outcome(said) {
  const text = said.replaceAll("\r", "");
  const at = text.lastIndexOf(END);
  if (at < 0) return { code: undefined, output: text };
  return { code: Number.parseInt(text.slice(at + END.length), 10), output: text.slice(0, at) };
}

/** @param {import("./kernel.mjs").Kernel} kernel @param {string} command for /bin/sh, without single quotes
 *  @param {{ seconds?: number, modules?: string[], counts?: boolean }} options how long until it is given up; what is
 *  inserted before; whether its time is a count of instructions, on one processor */
export async function runOn(kernel, command, { seconds = 240, modules = [], counts = false } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "vm-"));
  try {
    const initramfs = await makeInitramfs(kernel, folder, modules, command);
    const serial = path.join(folder, "serial");
    const args = [
      ...["--foreground", "-k", "5", String(seconds), "qemu-system-x86_64"],
      ...[...(counts ? COUNTING : FAST), "-m", "2048"],
      ...["-nodefaults", "-display", "none", "-no-reboot", "-serial", `file:${serial}`],
      ...["-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"],
      ...["-kernel", kernel.image, "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=-1"],
    ];
    const { code, output } = await run("timeout", args);
    if (code !== 0 && code !== 124) throw new Error(`qemu: ${output}`);
    const said = readFileSync(serial, "utf8");
    if (code === 124) throw new Error(`no end after ${seconds} s; it said:\n${said.slice(-5000)}`);
    return outcome(said);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
