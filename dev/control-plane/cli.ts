import { ensureAssets, extraTools, type Tool } from './assets.ts';

/** Prepares the control plane and prints where its programs are. Arguments: the extra tools wanted besides the base ones. */
async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !extraTools.some((tool) => tool === name));
  if (unknown !== undefined) throw new Error(`unknown tool ${unknown}: give none, or any of ${extraTools.join(', ')}`);
  const tools: readonly Tool[] = extraTools.filter((tool) => names.includes(tool));
  for (const [tool, path] of Object.entries(await ensureAssets({ tools }))) console.log(`${tool.padEnd(24)}${path}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
