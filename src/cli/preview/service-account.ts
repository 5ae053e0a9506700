import type { AdmissionRequest } from '../../api/admission.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, textAt, type UnknownRecord } from '../../injection/path.ts';

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

/** `serviceAccount` is the older name of the field. What is no text is for the API server to refuse. */
const accountOf = ({ serviceAccountName: name, serviceAccount: older }: UnknownRecord): unknown =>
  [name, older].find((one) => one !== undefined && one !== null && one !== '') ?? 'default';
