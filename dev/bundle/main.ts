import { join } from 'node:path';
import { bundle } from './bundle.ts';

/** `npm run bundle`: the program as it goes into the image, in dist/. */
const { outputs } = await bundle(join(import.meta.dirname, '../../dist'));
for (const [path, { bytes }] of Object.entries(outputs))
  console.log(`${String(Math.ceil(bytes / 1024)).padStart(6)} KiB  ${path}`);
