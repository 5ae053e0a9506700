import { stringify } from 'yaml';
import type { KubeObject } from '../api/kubernetes.ts';
import { certManagerObjects, certManagerPatch } from './cert-manager.ts';
import { installFiles } from './objects.ts';
import type { InstallOptions } from './options.ts';
import { prometheusObjects } from './prometheus-prometheus.ts';

/** Several objects as one YAML text: a document each, nothing folded, no anchors. */
export const toYaml = (objects: readonly unknown[]): string =>
  objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');

/**
 * The files under manifests/, by path. `kubectl apply -k manifests` takes the root; an overlay is applied instead of it. What an
 * overlay adds is a component, so that any of them can be taken together.
 */
export const kustomizeTree = (options: InstallOptions): Readonly<Record<string, string>> => {
  const files = installFiles(options);
  return {
    'kustomization.yaml': kustomization({ resources: ['base'] }),
    'base/kustomization.yaml': kustomization({ resources: Object.keys(files) }),
    ...filesUnder('base', files),
    'components/cert-manager/kustomization.yaml': component({
      resources: ['certificates.yaml'],
      patches: [{ path: 'deployment.yaml' }],
    }),
    ...filesUnder('components/cert-manager', {
      'certificates.yaml': certManagerObjects(options),
      'deployment.yaml': [certManagerPatch(options)],
    }),
    'components/prometheus/kustomization.yaml': component({ resources: ['monitoring.yaml'] }),
    ...filesUnder('components/prometheus', { 'monitoring.yaml': prometheusObjects(options) }),
    'overlays/cert-manager/kustomization.yaml': overlay('cert-manager'),
    'overlays/prometheus/kustomization.yaml': overlay('prometheus'),
    'overlays/cert-manager-and-prometheus/kustomization.yaml': overlay('cert-manager', 'prometheus'),
  };
};

/** Objects in the order they are listed in, which kustomize would else sort: the webhook configuration is to be deleted first. */
const kustomization = (parts: Readonly<Record<string, unknown>>): string =>
  toYaml([
    { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', sortOptions: { order: 'fifo' }, ...parts },
  ]);

const component = (parts: Readonly<Record<string, unknown>>): string =>
  toYaml([{ apiVersion: 'kustomize.config.k8s.io/v1alpha1', kind: 'Component', ...parts }]);

const overlay = (...components: readonly string[]): string =>
  kustomization({ resources: ['../../base'], components: components.map((name) => `../../components/${name}`) });

const filesUnder = (
  folder: string,
  files: Readonly<Record<string, readonly KubeObject[]>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([name, objects]) => [`${folder}/${name}`, toYaml(objects)]));
