import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ensureAssets } from '../dev/control-plane/assets.ts';
import type { ControlPlane } from '../dev/control-plane/control-plane.ts';
import { kubectl } from '../dev/control-plane/kubectl.ts';
import { applyObjects } from './cluster.ts';

const PEERS = `${import.meta.dirname}/peers`;

/** Installs what is measured against, at the versions of its lockfile, where it is not here yet. */
export const installPeers = (): void => {
  if (existsSync(`${PEERS}/node_modules/pepr`)) return;
  process.stderr.write('installing the peers into bench/peers/node_modules\n');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: PEERS, stdio: 'inherit' });
};

/** Kubernetes' own reference webhook, built from the module that the control plane is built from. */
export const agnhost = async (): Promise<string> => {
  const assets = await ensureAssets({ tools: ['agnhost'] });
  if (assets.agnhost === undefined) throw new Error('there is no agnhost: set TEST_ASSET_AGNHOST');
  return assets.agnhost;
};

/** What Pepr wants of a cluster before it answers any review: its store. */
export const makePeprStore = async (controlPlane: ControlPlane): Promise<void> => {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pepr-system' } },
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'peprstores.pepr.dev' },
      spec: {
        group: 'pepr.dev',
        scope: 'Namespaced',
        names: { plural: 'peprstores', singular: 'peprstore', kind: 'PeprStore' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: STORE } }],
      },
    },
  ];
  await applyObjects(controlPlane, objects);
  await kubectl(controlPlane, ['wait', '--for=condition=established', '--timeout=30s', 'crd', '--all']);
};

const STORE = { type: 'object', properties: { data: { type: 'object', additionalProperties: { type: 'string' } } } };
