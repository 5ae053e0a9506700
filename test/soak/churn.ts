import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

/** Changes made so far. */
export interface Churn {
  readonly changes: () => number;
  readonly stop: () => Promise<void>;
}

const SYSTEM = 'quartermaster-system';
/** As many objects of each kind come and go. */
const KEPT = 50;

/** What a busy cluster's users do all day, without a pause: claims, namespaces and defaults come, change and go. */
export const startChurn = (admin: Kube): Churn => {
  let changes = 0;
  let isOver = false;
  const run = async (turn: (index: number) => Promise<number>): Promise<void> => {
    for (let index = 0; !isOver; index += 1) {
      changes += await turn(index);
      await sleep(5);
    }
  };
  const running = Promise.all([
    run((index) => turnClaim(admin, index)),
    run((index) => turnNamespace(admin, index)),
    run((index) => turnDefaults(admin, index)),
  ]);
  return {
    changes: () => changes,
    stop: async () => {
      isOver = true;
      await running;
    },
  };
};

const turnClaim = async (admin: Kube, index: number): Promise<number> => {
  const claim = (at: number) => ({ namespace: 'default', name: `claim-${at}` });
  const spec = {
    storageClassName: `class-${index % 20}`,
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
  };
  await admin.create(resources.persistentVolumeClaims, objectOf('PersistentVolumeClaim', claim(index), { spec }));
  if (index < KEPT) return 1;
  const old = claim(index - KEPT);
  // Nothing here takes the finalizer off that protects claims in use.
  await admin.mergePatch(resources.persistentVolumeClaims, old, { metadata: { finalizers: null } });
  await admin.remove(resources.persistentVolumeClaims, old);
  return 3;
};

const turnNamespace = async (admin: Kube, index: number): Promise<number> => {
  const key = { namespace: '', name: `team-${index % KEPT}` };
  const labels = { round: `${index}` };
  await admin.apply(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: key.name, labels },
  });
  return 1;
};

const turnDefaults = async (admin: Kube, index: number): Promise<number> => {
  const name = `defaults-${index % KEPT}`;
  const match = { selector: { matchLabels: { round: `${index}` } } };
  const { uid: _, generation: __, ...metadata } = platformDefaults(name, {}).metadata;
  if (index >= KEPT) await admin.remove(resources.platformDefaults, { namespace: SYSTEM, name });
  await admin.create(resources.platformDefaults, {
    ...platformDefaults(name, { match, inject: { labels: { a: 'b' } } }),
    metadata,
  });
  return 2;
};

const objectOf = (kind: string, metadata: KubeObject['metadata'], rest: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata,
  ...rest,
});
