import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withObjectStoreFields } from './buckets-page.ts';
import { jsonSchemas } from './bundle/json-schemas.ts';
import { platformDefaultsPage } from './platform-defaults-page.ts';
import { settingsPage } from './settings-page.ts';
import { storageClassesPage } from './storage-classes-page.ts';

/** `npm run docs`: writes anew what of docs/ is made from the sources, and schemas/. */
await writeFile(join(import.meta.dirname, '../docs/settings.md'), settingsPage());
await writeFile(join(import.meta.dirname, '../docs/storage-classes.md'), storageClassesPage());

const buckets = join(import.meta.dirname, '../docs/buckets.md');
await writeFile(buckets, withObjectStoreFields(await readFile(buckets, 'utf8')));

const platformDefaults = join(import.meta.dirname, '../docs/platform-defaults.md');
await writeFile(platformDefaults, platformDefaultsPage(await readFile(platformDefaults, 'utf8')));

const schemas = join(import.meta.dirname, '../schemas');
await mkdir(schemas, { recursive: true });
for (const [name, text] of Object.entries(jsonSchemas())) await writeFile(join(schemas, name), text);
