import { AppError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { PlatformDefaults } from '../../api/platform-defaults.ts';
import { askedBy } from '../../defaults/entry.ts';
import { createDefaultsInForce, type Validation } from '../../defaults/in-force.ts';
import type { PreviewCluster } from '../../explanation/cluster.ts';
import { isHandled } from '../../explanation/request.ts';
import { installedWebhooks } from '../../explanation/webhook-rules.ts';
import { mutators } from '../../kinds/index.ts';
import { type Kube, type Resource, resources } from '../../kube/api-server.ts';
import type { Settings } from '../../settings/config.ts';
import { policyOf } from '../../settings/config.ts';
import { type DescribedClusterOptions, describedCluster } from '../described-cluster.ts';
import { readObjects } from '../documents.ts';
import { createOverlay } from '../preview/overlay.ts';

/** What is reported on. */
export interface ReportSource {
  readonly cluster: PreviewCluster;
  /** With their managed fields, for the times. */
  readonly defaults: readonly PlatformDefaults[];
  /** Page by page. */
  readonly objects: AsyncIterable<Page>;
}

export interface Page {
  readonly items: readonly KubeObject[];
  readonly kind: string;
  /** How many come after it of the same kind, where that is known. */
  readonly remaining?: number;
}

/** What stands in files, as `kubectl get -o yaml` writes it. Throws AppError('InvalidInput') for what cannot be read. */
export const fileSource = (
  paths: readonly string[],
  { defaults: files = [], ...options }: DescribedClusterOptions & { readonly recursive: boolean },
  settings: Settings,
): ReportSource => {
  const given = readObjects(files);
  const all = [...readObjects(paths, { isRecursive: options.recursive }), ...given].map(({ object }) => object);
  const base = describedCluster(options, settings);
  const policy = policyOf(settings);
  const inForce = createDefaultsInForce(policy);
  const defaults = all.filter(isDefaults).map((one) => ({
    ...one,
    metadata: { namespace: options.namespace, ...one.metadata },
  }));
  for (const one of defaults) inForce.put(one);
  const overlay = createOverlay({ ...base.facts, defaults: inForce.index() });
  const placed = all.map((object) => ({ ...object, metadata: { namespace: options.namespace, ...object.metadata } }));
  for (const object of placed) overlay.add(object, object.metadata.namespace);
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
      webhooks: installedWebhooks(policy.systemNamespace, policy.nfsNamespace, asked),
    },
    defaults,
    objects: pagesOf(placed.filter(isHandled)),
  };
};

const isDefaults = (object: KubeObject): object is PlatformDefaults =>
  object.kind === 'PlatformDefaults' && object.apiVersion.startsWith('quartermaster.dev/');

async function* pagesOf(objects: readonly KubeObject[]): AsyncIterable<Page> {
  yield await Promise.resolve({ items: objects, kind: 'object', remaining: 0 });
}

/** In objects: a page of SparkApplications is about 2 MB. */
const PAGE = 500;

/** What a cluster has, of every kind that is looked at. Kinds that are not installed, or may not be read, are left out; `onLeftOut` is told. */
export async function* listAll(
  kube: Kube,
  onLeftOut: (resource: Resource, reason: string) => void,
): AsyncIterable<Page> {
  for (const resource of handledResources) {
    let continueToken: string | undefined;
    do {
      const query = { limit: PAGE, ...(continueToken !== undefined && { continueToken }) };
      const page = await kube.list(resource, query).catch((error: unknown) => {
        if (!(error instanceof AppError) || !['NotFound', 'Forbidden'].includes(error.reason)) throw error;
        onLeftOut(resource, error.reason);
        return undefined;
      });
      if (page === undefined) break;
      continueToken = page.continueToken;
      yield {
        items: page.items,
        kind: resource.kind,
        ...(page.remaining !== undefined && { remaining: page.remaining }),
      };
    } while (continueToken !== undefined);
  }
}

const KINDS: Readonly<Record<string, string>> = {
  persistentvolumeclaims: 'PersistentVolumeClaim',
  sparkapplications: 'SparkApplication',
  sparkconnects: 'SparkConnect',
  pods: 'Pod',
  objectstores: 'ObjectStore',
};

const rules = mutators.flatMap((mutator) => mutator.rules);

const handledResources: readonly Resource[] = Object.entries(KINDS).flatMap(([plural, kind]) => {
  const rule = rules.find(({ resource }) => resource === plural);
  return rule === undefined
    ? []
    : [{ group: rule.group, version: rule.versions[0] ?? '', plural, kind, isNamespaced: true }];
});

/** Every PlatformDefaults of a cluster, as it is stored. */
export const listDefaults = async (kube: Kube): Promise<readonly PlatformDefaults[]> =>
  (await kube.list<PlatformDefaults>(resources.platformDefaults, {})).items;
