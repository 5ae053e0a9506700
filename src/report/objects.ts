import { hasReason } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { mutators } from '../kinds/index.ts';
import { type Kube, type Resource, resources } from '../kube/api-server.ts';

/** Objects of one kind, as they were listed. */
export interface Page {
  readonly items: readonly KubeObject[];
  readonly kind: string;
  /** How many come after it of the same kind, where that is known. */
  readonly remaining?: number;
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
        if (!hasReason(error, 'NotFound', 'Forbidden')) throw error;
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
  sparkclusters: 'SparkCluster',
  pods: 'Pod',
  objectstores: 'ObjectStore',
};

const rules = mutators.flatMap((mutator) => mutator.rules);

const resourcesOfRules = rules.flatMap(({ group, versions, resource: plural }) => {
  const kind = KINDS[plural];
  return kind === undefined ? [] : [{ group, version: versions[0] ?? '', plural, kind, isNamespaced: true }];
});

/** Both operators of Spark have a resource of the same name. */
const handledResources: readonly Resource[] = [
  ...new Map(resourcesOfRules.map((resource) => [`${resource.group}/${resource.plural}`, resource])).values(),
];

/** Every PlatformDefaults of a cluster, as it is stored. */
export const listDefaults = async (kube: Kube): Promise<readonly PlatformDefaults[]> =>
  (await kube.list<PlatformDefaults>(resources.platformDefaults, {})).items;
