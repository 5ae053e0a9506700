import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chartFiles } from '../../src/install/chart.ts';
import { kustomizeTree } from '../../src/install/manifests.ts';
import { defaultValues, readOptions } from '../../src/install/options.ts';

const CHART = 'charts/quartermaster';

describe(CHART, () => {
  it('is what its files are made of; npm run manifests makes it so', async () => {
    const entries = await readdir(CHART, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const texts = await Promise.all(paths.map(async (path) => [relative(CHART, path), await readFile(path, 'utf8')]));
    expect(Object.fromEntries(texts)).toEqual(chartFiles());
  });

  it('names the image of a release by its digest, as the manifests do', () => {
    const image = `registry.example.org/quartermaster:1.2.3@sha256:${'ab'.repeat(32)}`;
    expect(chartFiles({ ...defaultValues, image })['values.yaml']).toContain(`\nimage: ${image}\n`);
    expect(kustomizeTree(readOptions({ image }))['base/deployment.yaml']).toContain(`image: ${image}\n`);
  });

  it('documents every value, and checks it by its schema', () => {
    const files = chartFiles();
    const schema = JSON.parse(files['values.schema.json'] ?? '{}') as { readonly properties?: object };
    for (const name of Object.keys(defaultValues)) {
      expect(files['values.yaml']).toMatch(new RegExp(`^# .+\\n${name}:`, 'm'));
      expect(Object.keys(schema.properties ?? {})).toContain(name);
    }
  });
});
