import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { shippedOf } from '../../dev/bundle/sbom.ts';
import { licencesOf } from '../../dev/licences.ts';

/** Permissive ones, and Python's own for a port of its argparse: all ask for no more than to be named. */
const permissive = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'PSF-2.0', 'Unlicense'];

it('every package that goes into the image is under a permissive licence', async () => {
  const licences = licencesOf(await readFile('package-lock.json', 'utf8'));
  expect(licences.get('MIT')?.length).toBeGreaterThan(10);
  const isPermissive = (licence: string): boolean =>
    licence
      .replace(/^\(|\)$/g, '')
      .split(' AND ')
      .every((one) => permissive.includes(one));
  expect([...licences.keys()].filter((licence) => !isPermissive(licence))).toEqual([]);
});

it('the SBOM keeps what is shipped, though something wants it for development too or a copy of it is there for that', () => {
  const lock = JSON.stringify({
    packages: {
      '': {},
      'node_modules/kept': { version: '1.0.0' },
      'node_modules/builder': { version: '2.0.0', dev: true },
      'node_modules/builder/node_modules/@a/twice': { version: '3.0.0', dev: true },
      'node_modules/kept/node_modules/@a/twice': { version: '3.0.0' },
    },
  });
  const marked = { properties: [{ name: 'cdx:npm:package:development', value: 'true' }] };
  const whole = {
    bomFormat: 'CycloneDX',
    components: [
      { 'bom-ref': 'kept@1.0.0' },
      { 'bom-ref': 'builder@2.0.0', ...marked },
      { 'bom-ref': '@a/twice@3.0.0', ...marked },
    ],
    dependencies: [
      { ref: 'us@0.1.0', dependsOn: ['kept@1.0.0', 'builder@2.0.0'] },
      { ref: 'kept@1.0.0', dependsOn: ['@a/twice@3.0.0'] },
      { ref: 'builder@2.0.0', dependsOn: ['kept@1.0.0', '@a/twice@3.0.0'] },
      { ref: '@a/twice@3.0.0' },
    ],
  };
  expect(shippedOf(whole, lock)).toEqual({
    bomFormat: 'CycloneDX',
    components: [{ 'bom-ref': 'kept@1.0.0' }, { 'bom-ref': '@a/twice@3.0.0', properties: [] }],
    dependencies: [
      { ref: 'us@0.1.0', dependsOn: ['kept@1.0.0'] },
      { ref: 'kept@1.0.0', dependsOn: ['@a/twice@3.0.0'] },
      { ref: '@a/twice@3.0.0', dependsOn: [] },
    ],
  });
});
