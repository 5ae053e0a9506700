import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { run } from '../../dev/control-plane/command.ts';
import { ensureHelm, helmVersions } from '../../dev/helm.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { chartObject } from '../../src/install/chart.ts';
import { installObjects } from '../../src/install/manifests.ts';
import { type InstallValues, readOptions } from '../../src/install/options.ts';
import { byName, optionSets } from '../fixtures/install-values.ts';

const CHART = 'charts/quartermaster';
const NAMESPACE = 'data-platform';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartermaster-helm-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What `helm test` alone makes. */
const isHook = ({ metadata }: KubeObject): boolean => metadata.annotations?.['helm.sh/hook'] !== undefined;

describe.each(helmVersions)('helm %s', (version) => {
  let helm: string;
  beforeAll(async () => {
    helm = await ensureHelm(version, (line) => process.stderr.write(`${line}\n`));
  });

  const render = async (values: object): Promise<string> => {
    const file = join(folder, `values-${version}.json`);
    await writeFile(file, JSON.stringify(values));
    const args = ['template', 'quartermaster', CHART, '-n', NAMESPACE, '-f', file, '--kube-version', '1.34.0'];
    return run(helm, args, { timeoutMs: 60_000, env: { HOME: folder } });
  };

  it.each(optionSets)('makes of the chart what manifests prints: %s', async (_, values: Partial<InstallValues>) => {
    const printed = installObjects(readOptions({ ...values, namespace: NAMESPACE }));
    const expected = printed.filter(({ kind, metadata }) => kind !== 'Namespace' || metadata.name !== NAMESPACE);
    const rendered = parseAllDocuments(await render(values)).map((document) => document.toJS() as KubeObject);
    const objects = rendered.filter((object) => object !== null && !isHook(object));
    expect(objects).toHaveLength(expected.length);
    expect(byName(objects)).toEqual(byName(expected.map(chartObject)));
  });

  it.each([
    [{ replicas: 'two' }, /replicas/],
    [{ image: 'a b' }, /image/],
    [{ logLevel: 'loud' }, /logLevel/],
    [{ replica: 2 }, /replica/],
  ])('refuses %o by name', async (values, name) => {
    await expect(render(values)).rejects.toThrow(name);
  });
});
