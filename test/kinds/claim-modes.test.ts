import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { AccessMode, KubeObject, PersistentVolumeClaim, Pod } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { offlineFacts } from '../../src/cli/described-cluster.ts';
import { preview } from '../../src/cli/preview/session.ts';
import { verdictFor } from '../../src/clouds/index.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { installedWebhooks } from '../../src/explanation/webhook-rules.ts';
import { stripClaim } from '../../src/kube/transforms.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';

const RUNNER = `
apiVersion: v1
kind: Pod
metadata: { name: job }
spec:
  restartPolicy: Never
  containers:
    - name: runner
      image: ghcr.io/duke-gcb/calrissian/calrissian:0.18.1
      command: [calrissian]
`;
const DEFAULTS = `
apiVersion: quartermaster.dev/v1alpha1
kind: PlatformDefaults
metadata: { name: cache, namespace: quartermaster-system }
spec:
  match: { kinds: [CalrissianPod] }
  inject:
    volumes: [{ name: cache, persistentVolumeClaim: { claimName: eo-cache } }]
    volumeMounts: [{ name: cache, mountPath: /cache }]
`;

const claim = (accessModes: readonly AccessMode[], namespace?: string): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'eo-cache', ...(namespace !== undefined && { namespace }) },
  spec: { accessModes, resources: { requests: { storage: '1Gi' } } },
});

/** The runner as previewed in namespace `jobs`, beside these objects. */
const previewed = (...beside: readonly KubeObject[]) => {
  const policy = policyOf(readSettings({}));
  const facts = offlineFacts({
    cloud: verdictFor('local', {}, []),
    csiDrivers: [],
    defaults: indexDefaults([parse(DEFAULTS) as PlatformDefaults], policy),
    policy,
    namespaceLabels: { 'quartermaster.dev/calrissian': 'enabled' },
    objects: beside,
    namespace: 'jobs',
  });
  const [document] = preview(
    [{ source: { file: 'runner.yaml', document: 1, line: 1 }, object: parse(RUNNER) as KubeObject }],
    { facts, entries: [], invalid: [], webhooks: installedWebhooks(policy.systemNamespace, policy.nfsNamespace) },
    'jobs',
  );
  const [container] = (document?.object as Pod | undefined)?.spec?.containers ?? [];
  const mounts = container?.volumeMounts ?? [];
  return { paths: mounts.map(({ mountPath }) => mountPath), warnings: document?.warnings.join('\n') };
};

describe('a claim that defaults mount into a Calrissian runner, previewed', () => {
  it('is refused where the manifests bring it and one node alone can attach it', () => {
    const { paths, warnings } = previewed(claim(['ReadWriteOnce']));
    expect(paths).toEqual([]);
    expect(warnings).toContain('claim eo-cache is ReadWriteOnce: every step pod attaches it');
  });

  it('is mounted without a warning where many can', () => {
    expect(previewed(claim(['ReadWriteOnce', 'ReadOnlyMany'], 'jobs'))).toEqual({ paths: ['/cache'], warnings: '' });
  });

  it('is mounted with a warning where the manifests have one of that name elsewhere, or none', () => {
    for (const { paths, warnings } of [previewed(claim(['ReadWriteOnce'], 'elsewhere')), previewed()]) {
      expect(paths).toEqual(['/cache']);
      expect(warnings).toBe(
        'Claim eo-cache must be ReadWriteMany or ReadOnlyMany: Calrissian attaches it to every step pod.',
      );
    }
  });
});

describe('a bound claim in the cache', () => {
  const bound = (accessModes: readonly AccessMode[]) => {
    const { metadata, ...rest } = claim(accessModes, 'jobs');
    return stripClaim({ ...rest, metadata, spec: { ...rest.spec, volumeName: 'pv-1', storageClassName: 'fast' } });
  };

  it('keeps its access modes', () => {
    expect(bound(['ReadWriteOnce', 'ReadOnlyMany']).spec).toEqual({
      storageClassName: 'fast',
      volumeName: 'pv-1',
      accessModes: ['ReadWriteOnce', 'ReadOnlyMany'],
    });
  });

  it('shares the list with all that have the same single mode', () => {
    expect(bound(['ReadWriteMany']).spec?.accessModes).toBe(bound(['ReadWriteMany']).spec?.accessModes);
  });
});
