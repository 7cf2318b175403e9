/**
 * An image of one static program, busybox, as an archive that Docker, podman and containerd all load: no
 * registry is needed. Tests only.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

export const IMAGE = "localhost/box:1";
const BUSYBOX = "/bin/busybox";
const APPLETS = ["sh", "sleep", "nc"];

export function makeImage(directory: string): string {
  const root = path.join(directory, "rootfs");
  fs.mkdirSync(path.join(root, "bin"), { recursive: true });
  fs.copyFileSync(BUSYBOX, path.join(root, "bin/busybox"));
  for (const applet of APPLETS) fs.symlinkSync("busybox", path.join(root, "bin", applet));
  const image = path.join(directory, "image");
  fs.mkdirSync(image);
  const layer = path.join(image, "layer.tar");
  execFileSync("tar", ["-C", root, "-cf", layer, "."]);
  const digest = createHash("sha256").update(fs.readFileSync(layer)).digest("hex");
  const config = {
    ...{ architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux" },
    config: { Cmd: ["/bin/sleep", "100000"], Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  };
  const manifest = [{ Config: "config.json", RepoTags: [IMAGE], Layers: ["layer.tar"] }];
  fs.writeFileSync(path.join(image, "config.json"), JSON.stringify(config));
  fs.writeFileSync(path.join(image, "manifest.json"), JSON.stringify(manifest));
  const archive = path.join(directory, "image.tar");
  execFileSync("tar", ["-C", image, "-cf", archive, "."]);
  return archive;
}
