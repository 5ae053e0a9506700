import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../src/api/kubernetes.ts';
import { parseObjects } from '../../src/cli/documents.ts';
import { toYaml } from '../../src/cli/install/kustomize.ts';
import { preview } from '../../src/cli/preview.ts';
import { describedFacts } from '../../src/cli/preview-facts.ts';
import { render } from '../../src/cli/preview-output.ts';
import { readSettings } from '../../src/config.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const claim = (name: string, storageClassName: string): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'cwl' },
  spec: { storageClassName, accessModes: ['ReadWriteMany'], resources: { requests: { storage: '5Gi' } } },
});

const manifests: readonly KubeObject[] = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'cwl', labels: { 'quartermaster.dev/calrissian': 'enabled' } },
  },
  claim('one', 'shared-nfs'),
  claim('two', 'shared-nfs'),
  claim('three', 'other-nfs'),
];

let cluster: ShippedCluster;
beforeAll(async () => {
  cluster = await startShippedCluster();
});
afterAll(() => cluster?.controlPlane.stop());

describe('what preview prints', () => {
  it('goes in by kubectl apply in one go, and a second time with nothing to change', async () => {
    const settings = readSettings({ CALRISSIAN_SERVICE_ACCOUNTS: 'spark-jobs-dev:openeo' });
    const facts = describedFacts({ cloud: 'aws', namespace: 'default' }, settings, manifests);
    const printed = render(preview(parseObjects('manifests.yaml', toYaml(manifests)), facts, 'default'), 'yaml', false);
    const hasBudgets = await cluster.admin.read('/apis/policy/v1').then(
      () => true,
      () => false,
    );
    const objects = parseAllDocuments(printed).map((document) => document.toJS() as KubeObject);
    const input = toYaml(objects.filter(({ kind }) => hasBudgets || kind !== 'PodDisruptionBudget'));
    const apply = () => kubectl(cluster.controlPlane, ['apply', '-f', '-'], { input });
    expect((await apply()).split('\n').filter((line) => line.endsWith('created'))).toHaveLength(
      objects.length - (hasBudgets ? 0 : 2),
    );
    expect((await apply()).split('\n').filter((line) => line !== '' && !line.endsWith('unchanged'))).toEqual([]);
  });
});
