import type { AdmissionRequest } from '../../api/admission.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, listAt, mapAt, textAt, type UnknownRecord } from '../../injection/path.ts';

/**
 * The request as webhooks get it: the plugin ServiceAccount has named one for a pod that names none (plugin/pkg/admission/serviceaccount).
 * It is for the decision alone; like all else that the API server fills into pods it is not shown.
 */
export const withServiceAccount = (request: AdmissionRequest): AdmissionRequest => {
  const { object, oldObject } = request;
  if (object.apiVersion !== 'v1' || object.kind !== 'Pod') return request;
  return { ...request, object: named(object), ...(oldObject !== undefined && { oldObject: named(oldObject) }) };
};

const named = (pod: KubeObject): KubeObject => {
  const { spec } = pod as { readonly spec?: unknown };
  if (!isRecord(spec) || textAt(pod, ['metadata', 'annotations', 'kubernetes.io/config.mirror']) !== undefined)
    return pod;
  const name = accountOf(spec);
  return name === spec['serviceAccountName']
    ? pod
    : ({ ...pod, spec: { ...spec, serviceAccountName: name } } as KubeObject);
};

/** A pod as the API server reads it: what a container is limited to and does not ask for it asks for (pkg/apis/core/v1/defaults.go). */
export const withRequests = (object: KubeObject): KubeObject => {
  const { spec } = object as { readonly spec?: unknown };
  if (object.apiVersion !== 'v1' || object.kind !== 'Pod' || !isRecord(spec)) return object;
  const lists = ['initContainers', 'containers'].filter((list) => listAt(spec, [list]).some(lacksRequests));
  if (lists.length === 0) return object;
  const filled = lists.map((list) => [list, listAt(spec, [list]).map(withOwnRequests)] as const);
  return { ...object, spec: { ...spec, ...Object.fromEntries(filled) } } as KubeObject;
};

const lacksRequests = (container: unknown): boolean => {
  const requests = mapAt(container, ['resources', 'requests']);
  return Object.keys(mapAt(container, ['resources', 'limits'])).some((name) => !Object.hasOwn(requests, name));
};

const withOwnRequests = (container: unknown): unknown => {
  if (!isRecord(container) || !lacksRequests(container)) return container;
  const resources = mapAt(container, ['resources']);
  const requests = { ...mapAt(resources, ['limits']), ...mapAt(resources, ['requests']) };
  return { ...container, resources: { ...resources, requests } };
};

/** `serviceAccount` is the older name of the field. What is no text is for the API server to refuse. */
const accountOf = ({ serviceAccountName: name, serviceAccount: older }: UnknownRecord): unknown =>
  [name, older].find((one) => one !== undefined && one !== null && one !== '') ?? 'default';
