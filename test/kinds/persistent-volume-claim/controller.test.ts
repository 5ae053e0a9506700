import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { PersistentVolumeClaim } from '../../../src/api/kubernetes.ts';
import { claimController } from '../../../src/kinds/persistent-volume-claim/controller.ts';
import { createStore } from '../../../src/kube/store.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { factsIn } from '../../fixtures/object-store.ts';
import { pvc } from '../../fixtures/storage.ts';

const log = pino({ level: 'silent' });

it('tells a claim that is made anew under the same name why it has no class, though another led in between', async () => {
  const byClass = ({ spec }: PersistentVolumeClaim) => [spec?.storageClassName ?? ''];
  const claims = createStore<PersistentVolumeClaim>(log, { storageClassName: byClass });
  const none = createStore<never>(log);
  for (const store of [claims, none]) store.markSynced();
  const told: (string | undefined)[] = [];
  const controller = claimController({
    kube: { create: () => Promise.reject(new Error('none is made')) },
    claims,
    stores: {
      ...{ storageClasses: none, persistentVolumes: none, csiDrivers: none },
      ...{ namespaces: none, platformDefaults: none, objectStores: none },
    },
    cloudSettled: Promise.resolve(),
    facts: () => factsIn(),
    events: { record: ({ metadata }) => void told.push(metadata.uid) },
    log,
    metrics: createMetrics(),
  });
  const put = (uid: string): void => {
    const { metadata, ...claim } = pvc({ storageClassName: 'gold' });
    claims.put({ ...claim, metadata: { ...metadata, uid } });
  };
  const lead = async (until: readonly string[]): Promise<void> => {
    const leading = new AbortController();
    const led = controller.run(leading.signal);
    await expect.poll(() => told).toEqual(until);
    leading.abort();
    await led;
  };
  put('uid-1');
  await lead(['uid-1']);
  put('uid-2');
  await lead(['uid-1', 'uid-2']);
});
