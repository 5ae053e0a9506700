import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/recipes.md'), 'utf8');
const file = createFiles();
const recipes = page
  .split(/^## /m)
  .slice(1)
  .map((section): readonly [string, string] => [
    section.slice(0, section.indexOf('\n')),
    [...section.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml]) => yaml).join('---\n'),
  ]);

const job = file(
  'job.yaml',
  `apiVersion: v1
kind: Pod
metadata: {name: job, namespace: team-geo, labels: {team: geo}}
spec: {containers: [{name: job, image: "tiles:1"}]}
---
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: pi, namespace: team-geo}
spec: {type: Scala, mode: cluster, image: "spark:3.5.0", sparkVersion: 3.5.0, mainApplicationFile: "local:///a.jar", driver: {}, executor: {}}
`,
);

describe('docs/recipes.md', () => {
  it.each(recipes)('can be previewed: %s', async (_title, recipe) => {
    const { code, out, err } = await quartermaster(
      ...['preview', '-f', job, '--defaults', file('recipe.yaml', recipe), '-o', 'diff'],
      ...['--cloud', 'gcp', '--namespace-labels', 'workloads=data,team=geo,cost-centre=4711'],
    );
    expect(err).not.toMatch(/^quartermaster: /m);
    expect(code).toBe(0);
    expect(out).not.toBe('');
  });
});
