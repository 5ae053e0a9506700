import type { AdmissionRequest } from '../api/admission.ts';
import type { Facts, ObjectStoreFact } from '../api/facts.ts';
import type { DefaultsTarget, TargetKind } from '../api/injection.ts';
import type { KubeObject, StringMap } from '../api/kubernetes.ts';
import { INJECT_DISABLED, INJECT_LABEL } from '../api/names.ts';
import { isRecord, textAt } from './path.ts';

/** What PlatformDefaults are looked up for: the object, its namespace and the facts their variables may name. */
export const targetOf = (
  kind: TargetKind,
  object: KubeObject,
  request: Pick<AdmissionRequest, 'namespace'> & Partial<Pick<AdmissionRequest, 'username' | 'groups'>>,
  facts: Facts,
): DefaultsTarget => {
  const namespace = namespaceOf(object, request);
  const namespaceLabels = facts.namespaceLabels(namespace) ?? {};
  return {
    kind,
    namespace,
    name: textAt(object, ['metadata', 'name']) ?? '',
    labels: labelsOf(object),
    namespaceLabels,
    cloud: facts.cloud.name,
    user: request.username,
    groups: request.groups?.join(','),
    serviceAccount: textAt(object, ['spec', 'serviceAccountName']),
    namespaceAnnotation: (key) => annotationOf(key, namespace, facts),
    variable: (name, isOfPlatform) => variableOf(name, namespace, facts, isOfPlatform),
    isDisabled: isOptedOut(object) || namespaceLabels[INJECT_LABEL] === INJECT_DISABLED,
  };
};

/** The namespace an object goes to: the request knows it even where the manifest leaves it out. */
export const namespaceOf = (object: KubeObject, { namespace }: Pick<AdmissionRequest, 'namespace'>): string =>
  namespace ?? textAt(object, ['metadata', 'namespace']) ?? '';

export const labelsOf = ({ metadata }: KubeObject): StringMap => (isRecord(metadata.labels) ? metadata.labels : {});

/** True where the object itself says `quartermaster.dev/inject: disabled`. */
export const isOptedOut = (object: KubeObject): boolean => labelsOf(object)[INJECT_LABEL] === INJECT_DISABLED;

/** An ObjectStore by name: the namespace's own, else the platform's. */
export const objectStoreOf = (name: string, namespace: string, facts: Facts): ObjectStoreFact | undefined =>
  facts.objectStore(namespace, name) ?? facts.objectStore(facts.policy.systemNamespace, name);

/** The platform's, else the namespace's own: what is enforced for the whole cluster is not for a namespace to steer. */
const platformsObjectStoreOf = (name: string, namespace: string, facts: Facts): ObjectStoreFact | undefined =>
  facts.objectStore(facts.policy.systemNamespace, name) ?? facts.objectStore(namespace, name);

/** Value of a fact or of a Ready ObjectStore's address, as PlatformDefaults name them; undefined where it is not known. */
export const variableOf = (name: string, namespace: string, facts: Facts, isOfPlatform = false): string | undefined => {
  const store = /^objectStore\.(.+)\.url$/.exec(name)?.[1];
  if (store !== undefined)
    return readyUrl((isOfPlatform ? platformsObjectStoreOf : objectStoreOf)(store, namespace, facts));
  const { facts: known } = facts.cloud;
  const fact = name === 'account' ? (known['account'] ?? known['project'] ?? known['subscription']) : known[name];
  return fact?.value;
};

const annotationOf = (key: string, namespace: string, { policy, namespaceAnnotations }: Facts): string | undefined => {
  const annotations = policy.namespaceAnnotations?.has(key) ? namespaceAnnotations(namespace) : undefined;
  return annotations && Object.hasOwn(annotations, key) ? annotations[key] : undefined;
};

const readyUrl = (store: ObjectStoreFact | undefined): string | undefined => (store?.ready ? store.url : undefined);
