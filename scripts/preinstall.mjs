/**
 * Keeps the installation of the package from fetching GPU libraries: onnxruntime-node downloads some 200 MB unless the files it would
 * fetch lie there already, and its installation fails where that download does. Only its CPU library is used, so empty files take their
 * places. npm runs this before the other packages' `postinstall`. In a clone, where nothing is installed yet, it does nothing.
 * Whoever wants the GPU libraries: `npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12`.
 */
import { existsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(join(dirname(dirname(fileURLToPath(import.meta.url))), "package.json"));
const platform = `${process.platform}/${process.arch}`;

try {
  const runtime = dirname(require.resolve("onnxruntime-node/package.json"));
  const { requirements, manifests } = require("onnxruntime-node/script/install-metadata.js");
  const wanted = (requirements[platform] ?? []).flatMap((name) => Object.keys(manifests[`${platform}:${name}`] ?? {}));
  for (const name of wanted) {
    const file = join(runtime, "bin", "napi-v6", platform, name);
    if (existsSync(dirname(file)) && !existsSync(file)) writeFileSync(file, "");
  }
} catch {
  // Not installed yet, or another layout: then it decides for itself.
}
