import { pino } from 'pino';
import { expect, it } from 'vitest';
import { ensureStorageClasses } from '../../src/admission/handler.ts';
import type { KubeObject, StorageClass } from '../../src/api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../src/api/names.ts';
import { cloudNamed, verdictFor } from '../../src/clouds/index.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { createFacts } from '../../src/kinds/facts.ts';
import { createHandler } from '../../src/kinds/index.ts';
import { createStore } from '../../src/kube/store.ts';
import type { FactStores } from '../../src/kube/stores.ts';
import { createUnderWay } from '../../src/kube/under-way.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { system } from '../fixtures/defaults.ts';
import { requestFor } from '../fixtures/golden-case.ts';

const log = pino({ level: 'silent' });
const LIMIT = 5;

const claimOf = (className: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: `of-${className}`, namespace: 'team-a' },
  spec: {
    storageClassName: className,
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
  },
});

/** Admission with an API server that answers after all have asked, and a cache that shows what was made once `sync` is called. */
const admission = (made: StorageClass[] = []) => {
  const answers: (() => void)[] = [];
  const classes = createStore<StorageClass>(log, {
    owned: ({ metadata }) => (metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY ? ['true'] : []),
    default: () => [],
  });
  const others = createStore<KubeObject>(log, { staticClass: () => [] });
  const stores = {
    storageClasses: classes,
    persistentVolumes: others,
    csiDrivers: createStore<KubeObject>(log),
    nodes: createStore<KubeObject>(log, { zone: () => [] }),
    namespaces: createStore<KubeObject>(log),
    objectStores: createStore<KubeObject>(log),
  } as unknown as FactStores;
  for (const name of cloudNamed('aws')?.usualDrivers ?? [])
    (stores.csiDrivers as ReturnType<typeof createStore<KubeObject>>).put({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name },
    });
  const classesUnderWay = createUnderWay(classes);
  const kube = {
    create: async <T extends KubeObject>(_resource: unknown, object: T): Promise<T> => {
      await new Promise<void>((resolve) => answers.push(resolve));
      made.push(object as unknown as StorageClass);
      return object;
    },
  };
  const facts = createFacts({
    stores,
    policy: policyOf(readSettings({ STORAGE_CLASS_LIMIT: String(LIMIT) })),
    verdict: () => verdictFor('aws', { region: { value: 'eu-west-1', source: 'test' } }, []),
    defaults: () => indexDefaults([], system),
    classesUnderWay,
  });
  const handle = createHandler({ facts, ensure: ensureStorageClasses(kube, 2_000, { onStart: classesUnderWay.add }) });
  const ask = (className: string, dryRun = false) => {
    const request = requestFor({ circumstances: {}, oldObject: undefined }, claimOf(className));
    return Promise.resolve(handle({ ...request, dryRun }));
  };
  return {
    made,
    ask,
    answer: () => {
      for (const resolve of answers.splice(0)) resolve();
    },
    sync: () => {
      for (const storageClass of made) classes.put(storageClass);
    },
  };
};

it('200 claims of as many classes at once get five classes where that is the limit', async () => {
  const { made, ask, answer, sync } = admission();
  const asked = Array.from({ length: 200 }, (_, at) => ask(`class-${at}`));
  answer();
  const answers = await Promise.all(asked);
  expect(made).toHaveLength(LIMIT);
  expect(answers.every(({ allowed }) => allowed)).toBe(true);
  expect(answers.filter(({ warnings = [] }) => warnings.join().includes('STORAGE_CLASS_LIMIT'))).toHaveLength(195);
  sync();
  await ask('class-200');
  expect(made).toHaveLength(LIMIT);
});

it('claims of a class that is being made are not told of the limit', async () => {
  const { made, ask, answer } = admission();
  const asked = Array.from({ length: 20 }, (_, at) => ask(`class-${at % LIMIT}`));
  answer();
  expect((await Promise.all(asked)).flatMap(({ warnings = [] }) => warnings)).toEqual([]);
  expect(made).toHaveLength(LIMIT);
});

it('a dry run makes no class, and tells which would be made', async () => {
  const { made, ask } = admission();
  const { warnings } = await ask('class-0', true);
  expect(warnings).toEqual([
    'StorageClass class-0 would be made, of the provisioner ebs.csi.aws.com; this is a dry run.',
  ]);
  expect(made).toEqual([]);
});

it('of two replicas that are asked in the same moment each makes what it sees left, and then none makes more', async () => {
  const made: StorageClass[] = [];
  const replicas = [admission(made), admission(made)];
  const askAll = (prefix: string) =>
    replicas.flatMap(({ ask }, at) => Array.from({ length: 50 }, (_, n) => ask(`${prefix}-${at}-${n}`)));
  const asked = askAll('class');
  for (const { answer } of replicas) answer();
  await Promise.all(asked);
  expect(made).toHaveLength(2 * LIMIT);
  for (const { sync } of replicas) sync();
  await Promise.all(askAll('more'));
  expect(made).toHaveLength(2 * LIMIT);
});
