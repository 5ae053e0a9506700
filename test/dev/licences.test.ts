import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
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
