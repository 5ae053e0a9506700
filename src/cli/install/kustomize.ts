import { stringify } from 'yaml';
import type { KubeObject } from '../../api/kubernetes.ts';
import { certManagerObjects, certManagerPatch } from './cert-manager.ts';
import { installFiles } from './objects.ts';
import type { InstallOptions } from './options.ts';
import { prometheusObjects } from './prometheus.ts';

/** Several objects as one YAML text: a document each, nothing folded, no anchors. */
export const toYaml = (objects: readonly unknown[]): string =>
  objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');

/**
 * The files under manifests/, by path. `kubectl apply -k manifests` takes the root; an overlay is applied instead of it.
 * The base has a folder of its own: kustomize refuses an overlay inside what it overlays.
 */
export const kustomizeTree = (options: InstallOptions): Readonly<Record<string, string>> => {
  const files = installFiles(options);
  return {
    'kustomization.yaml': kustomization({ resources: ['base'] }),
    'base/kustomization.yaml': kustomization({ resources: Object.keys(files) }),
    ...under('base', files),
    'overlays/cert-manager/kustomization.yaml': kustomization({
      resources: ['../../base', 'certificates.yaml'],
      patches: [{ path: 'deployment.yaml' }],
    }),
    ...under('overlays/cert-manager', {
      'certificates.yaml': certManagerObjects(options),
      'deployment.yaml': [certManagerPatch(options)],
    }),
    'overlays/prometheus/kustomization.yaml': kustomization({ resources: ['../../base', 'monitoring.yaml'] }),
    ...under('overlays/prometheus', { 'monitoring.yaml': prometheusObjects(options) }),
  };
};

/** Objects in the order they are listed in, which kustomize would else sort: the webhook configuration is to be deleted first. */
const kustomization = (parts: Readonly<Record<string, unknown>>): string =>
  toYaml([
    { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', sortOptions: { order: 'fifo' }, ...parts },
  ]);

const under = (
  folder: string,
  files: Readonly<Record<string, readonly KubeObject[]>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([name, objects]) => [`${folder}/${name}`, toYaml(objects)]));
