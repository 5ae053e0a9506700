import { readFileSync } from 'node:fs';
import { defaultValues } from '../src/install/options.ts';
import { flagsOf, lastStage } from './cluster/images/product-image.ts';

/** How Node runs the program where it is installed: what a test or a bench gives to measure the same. */
export interface ImageRuntime {
  readonly flags: readonly string[];
  /** Without the place of compiled code, which the image alone has. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of the container, in bytes. */
  readonly memoryLimit: number;
}

/**
 * The Dockerfile's flags and environment, in a container with the memory limit that is shipped: of that V8 takes half as the most of its
 * heap, and collects earlier for it. `node -p process.constrainedMemory()` and `heap_size_limit` in a control group tell the same.
 */
export const imageRuntime = (): ImageRuntime => {
  const image = lastStage(readFileSync(`${import.meta.dirname}/../Dockerfile`, 'utf8'));
  const { limits } = defaultValues.resources as { readonly limits: { readonly memory: string } };
  const mebibytes = Number(/^(\d+)Mi$/.exec(limits.memory)?.[1]);
  const variables = (image.Env ?? []).map((pair) => pair.split('=') as [string, string]);
  return {
    flags: [...flagsOf(image), `--max-old-space-size=${mebibytes / 2}`],
    environment: Object.fromEntries(variables.filter(([name]) => !name.startsWith('NODE_COMPILE_CACHE'))),
    memoryLimit: mebibytes * 2 ** 20,
  };
};
