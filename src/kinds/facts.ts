import type { CloudVerdict, Facts, Policy } from '../api/facts.ts';
import type { DefaultsIndex } from '../api/injection.ts';
import type { KubeObject, PersistentVolumeClaim } from '../api/kubernetes.ts';
import { CALRISSIAN_ENABLED, CALRISSIAN_LABEL } from '../api/names.ts';
import { objectStoreFact } from '../api/object-store.ts';
import { PENDING_VERDICT } from '../clouds/cloud.ts';
import { meetsAll, requirementsOf } from '../defaults/entry.ts';
import type { Store } from '../kube/store.ts';
import { type FactStores, knowsWebhooks, sparkPodWebhooksOf, ZONE_LABEL } from '../kube/stores.ts';
import type { UnderWay } from '../kube/under-way.ts';
import { accessModesOf } from '../storage-classes/claim.ts';
import { CALRISSIAN_CLAIMS } from './calrissian/objects.ts';

export interface FactSources {
  readonly stores: FactStores;
  /** Where claims are watched. */
  readonly claims?: Pick<Store<PersistentVolumeClaim>, 'get' | 'hasSynced'>;
  readonly verdict: () => CloudVerdict | undefined;
  readonly defaults: () => DefaultsIndex;
  readonly policy: Policy;
  /** Classes that are being made, for the limit on their number. */
  readonly classesUnderWay?: Pick<UnderWay, 'count'>;
}

/** The facts of the moment it is called, from memory alone. */
export const createFacts = ({
  stores,
  claims,
  verdict,
  defaults,
  policy,
  classesUnderWay,
}: FactSources): (() => Facts) => {
  const lookups: Omit<Facts, 'cloud' | 'defaults'> = {
    policy,
    namespaceLabels: (name) => labelsOf(stores.namespaces.get({ namespace: '', name })),
    namespaceAnnotations: (name) => stores.namespaces.get({ namespace: '', name })?.metadata.annotations,
    objectStore: (namespace, name) => {
      const store = stores.objectStores.get({ namespace, name });
      return store && objectStoreFact(store);
    },
    claimModes: (namespace, name) => {
      const claim = claims?.get({ namespace, name });
      return claim && accessModesOf(claim);
    },
    isClaimMissing: (namespace, name) =>
      claims?.hasSynced() === true &&
      claims.get({ namespace, name }) === undefined &&
      !defaults().provisionsClaim(name) &&
      !(
        CALRISSIAN_CLAIMS.includes(name) &&
        stores.namespaces.get({ namespace: '', name: namespace })?.metadata.labels?.[CALRISSIAN_LABEL] ===
          CALRISSIAN_ENABLED
      ),
    hasSparkPodWebhook: (namespace) => isServed(stores, stores.namespaces.get({ namespace: '', name: namespace })),
    storage: {
      storageClass: (name) => stores.storageClasses.get({ namespace: '', name }),
      classNames: () => stores.storageClasses.list().map(({ metadata }) => metadata.name ?? ''),
      defaultStorageClass: () => stores.storageClasses.byIndex('default', 'true')[0],
      hasVolumeOfClass: (name) => stores.persistentVolumes.countByIndex('staticClass', name) > 0,
      hasCsiDriver: (name) => stores.csiDrivers.get({ namespace: '', name }) !== undefined,
      ownedClassCount: (besides) =>
        stores.storageClasses.countByIndex('owned', 'true') + (classesUnderWay?.count(besides) ?? 0),
      attributesDriver: (name) => stores.volumeAttributesClasses.get({ namespace: '', name })?.driverName,
      zoneCalled: (text) => stores.nodes.byIndex('zone', text)[0]?.metadata.labels?.[ZONE_LABEL],
      kernelVersions: () => stores.nodes.list().flatMap(({ status }) => status?.nodeInfo?.kernelVersion ?? []),
    },
  };
  return () => ({ ...lookups, cloud: verdict() ?? PENDING_VERDICT, defaults: defaults() });
};

/** True too where the namespace, or what webhooks there are, is not known yet. */
const isServed = ({ mutatingWebhooks }: FactStores, namespace: KubeObject | undefined): boolean => {
  const labels = labelsOf(namespace);
  if (labels === undefined || !knowsWebhooks(mutatingWebhooks)) return true;
  return mutatingWebhooks
    .byIndex('sparkPods', 'true')
    .flatMap(sparkPodWebhooksOf)
    .some(({ namespaceSelector }) => meetsAll(requirementsOf(namespaceSelector), labels));
};

const labelsOf = (object: KubeObject | undefined) => object && (object.metadata.labels ?? {});
