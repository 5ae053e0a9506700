import type { KubeObject } from '../../api/kubernetes.ts';
import type { PlatformDefaults } from '../../api/platform-defaults.ts';
import { askedBy } from '../../defaults/entry.ts';
import { createDefaultsInForce, type Validation } from '../../defaults/in-force.ts';
import type { PreviewCluster } from '../../explanation/cluster.ts';
import { isHandled } from '../../explanation/request.ts';
import { installedWebhooks } from '../../explanation/webhook-rules.ts';
import type { Page } from '../../report/objects.ts';
import type { Settings } from '../../settings/config.ts';
import { policyOf } from '../../settings/config.ts';
import { type DescribedClusterOptions, describedCluster } from '../described-cluster.ts';
import { readObjects, type SourcedObject } from '../documents.ts';
import { apart, asDefaults } from '../given-defaults.ts';
import { createOverlay } from '../preview/overlay.ts';

/** What is reported on. */
export interface ReportSource {
  readonly cluster: PreviewCluster;
  /** With their managed fields, for the times. */
  readonly defaults: readonly PlatformDefaults[];
  /** Page by page. */
  readonly objects: AsyncIterable<Page>;
}

/** What stands in files, as `kubectl get -o yaml` writes it. Throws AppError('InvalidInput') for what cannot be read. */
export const fileSource = (
  paths: readonly string[],
  { defaults: files = [], ...options }: DescribedClusterOptions & { readonly recursive: boolean },
  settings: Settings,
): ReportSource => {
  const found = readObjects(paths, { isRecursive: options.recursive });
  const given = apart(readObjects(files));
  const base = describedCluster(options, settings);
  const policy = policyOf(settings);
  const inForce = createDefaultsInForce(policy);
  const defaults = [...found.filter(isDefaults), ...given.defaults].map(asDefaults).map((one) => ({
    ...one,
    metadata: { namespace: options.namespace, ...one.metadata },
  }));
  for (const one of defaults) inForce.put(one);
  const overlay = createOverlay({ ...base.facts, defaults: inForce.index() });
  const inPlace = (object: KubeObject) => ({
    ...object,
    metadata: { namespace: options.namespace, ...object.metadata },
  });
  const placed = found.map(({ object }) => inPlace(object));
  for (const object of [...given.others.map(inPlace), ...placed]) overlay.add(object, object.metadata.namespace);
  const entries = inForce.entries();
  const asked = entries.flatMap((entry) => askedBy(entry, base.facts.cloud.name));
  const invalid = defaults.flatMap(({ metadata }): readonly Validation[] => {
    const validation = inForce.validation(metadata.namespace ?? '', metadata.name ?? '');
    return validation === undefined || validation.violations.length === 0 ? [] : [validation];
  });
  return {
    cluster: {
      facts: overlay.facts,
      entries,
      invalid,
      webhooks: installedWebhooks(policy.systemNamespace, policy.nfsNamespace, asked, settings),
    },
    defaults,
    objects: pagesOf(placed.filter(isHandled)),
  };
};

const isDefaults = ({ object }: SourcedObject): boolean =>
  object.kind === 'PlatformDefaults' && object.apiVersion.startsWith('quartermaster.dev/');

async function* pagesOf(objects: readonly KubeObject[]): AsyncIterable<Page> {
  yield await Promise.resolve({ items: objects, kind: 'object', remaining: 0 });
}
