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
import { defaultValues, type InstallValues, readOptions } from '../../src/install/options.ts';
import { byName, impossible, optionSets } from '../fixtures/install-values.ts';

const CHART = 'charts/quartermaster';
const NAMESPACE = 'data-platform';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartermaster-helm-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What `helm test` alone makes. */
const isHook = ({ metadata }: KubeObject): boolean => metadata.annotations?.['helm.sh/hook'] !== undefined;

it('is rendered with each of its values set', () => {
  const set = new Set(optionSets.flatMap(([, values]) => Object.keys(values)));
  expect([...set].toSorted()).toEqual(Object.keys(defaultValues).toSorted());
});

describe.each(helmVersions)('helm %s', (version) => {
  let helm: string;
  beforeAll(async () => {
    helm = await ensureHelm(version, (line) => process.stderr.write(`${line}\n`));
  });

  const render = async (values: object, namespace = NAMESPACE): Promise<string> => {
    const file = join(folder, `values-${version}.json`);
    await writeFile(file, JSON.stringify(values));
    const args = ['template', 'quartermaster', CHART, '-n', namespace, '-f', file, '--kube-version', '1.34.0'];
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

  it.each<readonly [object, RegExp]>([
    [{ replicas: 'two' }, /replicas/],
    [{ image: 'a b' }, /image/],
    [{ logLevel: 'loud' }, /logLevel/],
    [{ replica: 2 }, /replica/],
    [{ failurePolicy: { pods: 'Fail' } }, /failurePolicy/],
    [{ settings: { CLOUDS: 'aws' } }, /settings.CLOUDS: is no setting/],
    [{ settings: { LOG_LEVEL: 'debug' } }, /settings.LOG_LEVEL: is no setting, or/],
    [{ podLabels: { 'app.kubernetes.io/name': 'x' } }, /podLabels/],
    [{ monitoringLabels: { 'app.kubernetes.io/part-of': 'x' } }, /monitoringLabels/],
    ...impossible,
  ])('refuses %o by name', async (values, name) => {
    await expect(render(values)).rejects.toThrow(name);
  });

  it.each(['default', 'kube-system', 'quartermaster-nfs'])('refuses the namespace %s by name', async (namespace) => {
    await expect(render({}, namespace)).rejects.toThrow(`namespace ${namespace} is`);
  });
});
