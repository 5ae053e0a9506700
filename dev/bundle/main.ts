import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { jsonSchemas } from './json-schemas.ts';

/** `npm run bundle`: the program as it goes into the image, in dist/, and the schemas for editors. */
const dist = join(import.meta.dirname, '../../dist');
const { outputs } = await bundle(dist);
await mkdir(join(dist, 'schemas'));
for (const [name, text] of Object.entries(jsonSchemas())) await writeFile(join(dist, 'schemas', name), text);
for (const [path, { bytes }] of Object.entries(outputs))
  console.log(`${String(Math.ceil(bytes / 1024)).padStart(6)} KiB  ${path}`);
