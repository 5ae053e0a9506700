import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newState } from '../src/certificates/rollover.ts';
import { serviceNames } from '../src/certificates/secret-source.ts';
import { settings } from '../src/settings/definitions.ts';

/** Writes an authority and a serving certificate for development beside this file. `node certs/make.ts` makes new ones. */
const names = ['localhost', '127.0.0.1', ...serviceNames(settings.serviceName.fallback, settings.namespace.fallback)];
const { authority, serving } = await newState({ names, now: new Date() });
const files = {
  'ca.crt': authority.cert,
  'ca.key': authority.key,
  'tls.crt': serving?.cert,
  'tls.key': serving?.key,
};
for (const [name, text = ''] of Object.entries(files)) {
  await writeFile(join(import.meta.dirname, name), text, { mode: 0o600 });
  console.log(`certs/${name}`);
}
console.log(`Good for ${names.join(', ')}, for 90 days.`);
