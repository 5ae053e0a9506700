import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { licencesOf } from './licences.ts';

/** `npm run licences`: whose work goes into the image, and under which terms. */
const lock = await readFile(join(import.meta.dirname, '../package-lock.json'), 'utf8');
for (const [licence, names] of licencesOf(lock)) console.log(`${licence}\n  ${names.join('\n  ')}`);
