import { describe, expect, it } from 'vitest';
import type { KubeObject, PersistentVolumeClaim } from '../../src/api/kubernetes.ts';
import { CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../../src/api/names.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { createFacts } from '../../src/kinds/facts.ts';
import { createStore } from '../../src/kube/store.ts';
import type { FactStores } from '../../src/kube/stores.ts';
import { createLog } from '../../src/ops/log.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';

const log = createLog('silent');
const claim: PersistentVolumeClaim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'jobs' },
};

/** The facts of a cluster with one claim; `provisioned` is the name of one that PlatformDefaults bring. */
const factsWith = ({ isSynced = true, provisioned = 'cache' } = {}) => {
  const claims = createStore<PersistentVolumeClaim>(log);
  const namespaces = createStore<KubeObject>(log);
  claims.put(claim);
  if (isSynced) claims.markSynced();
  const labels = { [CALRISSIAN_LABEL]: CALRISSIAN_ENABLED };
  namespaces.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cwl', labels } });
  const spec = { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } } as const;
  const provision = { persistentVolumeClaims: [{ name: provisioned, spec }] };
  const index = indexDefaults([platformDefaults('caches', { provision })], system);
  const stores = { namespaces } as unknown as FactStores;
  const policy = policyOf(readSettings({}));
  return createFacts({ stores, claims, policy, verdict: () => undefined, defaults: () => index })();
};

describe('a claim', () => {
  it('is missing where all are known and it is not among them', () => {
    const { isClaimMissing } = factsWith();
    expect(isClaimMissing('jobs', 'data')).toBe(false);
    expect(isClaimMissing('jobs', 'other')).toBe(true);
    expect(isClaimMissing('elsewhere', 'data')).toBe(true);
  });

  it('is not known to be missing before all are known', () => {
    expect(factsWith({ isSynced: false }).isClaimMissing('jobs', 'other')).toBe(false);
  });

  it('is not missing where it is about to be made', () => {
    const { isClaimMissing } = factsWith();
    expect(isClaimMissing('jobs', 'cache')).toBe(false);
    expect(isClaimMissing('cwl', 'calrissian-tmpout')).toBe(false);
    expect(isClaimMissing('jobs', 'calrissian-tmpout')).toBe(true);
    expect(factsWith({ provisioned: 'of-${namespace}' }).isClaimMissing('jobs', 'of-jobs')).toBe(false);
  });
});
