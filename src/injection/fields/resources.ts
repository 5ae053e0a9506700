import { type KubeObject, quantityOf } from '../../api/kubernetes.ts';
import type { Edit } from '../edit.ts';
import { readAt } from '../path.ts';

/** Why a container must not be given so much of a resource: the API server would refuse the pod. */
export const resourceRefusal = (pod: KubeObject, edit: Edit): string | undefined =>
  ofContainer(pod, edit) ?? ofPod(pod, edit);

const ofContainer = (pod: KubeObject, { at, key, value, mode }: Edit): string | undefined => {
  const isRequest = at.at(-1) === 'requests';
  const other = readAt(pod, [...at.slice(0, -1), isRequest ? 'limits' : 'requests', key]);
  const [least, most] = isRequest ? [value, other] : [other, value];
  const [low, high] = [quantityOf(least), quantityOf(most)];
  if (isRequest && high === undefined && isWhole(key)) return 'there is no limit of it, and of a device both are one';
  if (low === undefined || high === undefined) return undefined;
  // What is enforced comes in two steps, the request or the limit first.
  const fits = mode === 'Default' && isWhole(key) ? low === high : low <= high;
  if (fits) return undefined;
  return isRequest ? `the limit is ${String(most)}` : `the request is ${String(least)}`;
};

/** Of devices and huge pages nobody may use more than is asked for. */
export const isWhole = (name: string): boolean =>
  name.startsWith('hugepages-') || (name.includes('/') && !name.includes('kubernetes.io/'));

/**
 * What a pod says for all of its containers holds for them together: a default for each is not what was meant, and may be more. Of
 * what is enforced this looks at one container alone: for all of them the API server does.
 */
const ofPod = (pod: KubeObject, { at, key, value, mode }: Edit): string | undefined => {
  if (readAt(pod, RESOURCES) === undefined) return undefined;
  const [request, limit] = ['requests', 'limits'].map((list) => readAt(pod, [...RESOURCES, list, key]) ?? undefined);
  if (mode === 'Default')
    return request === undefined && limit === undefined ? undefined : 'the pod says it for all containers';
  const most: unknown = at.at(-1) === 'requests' ? request : limit;
  const [own, ofAll] = [quantityOf(value), quantityOf(most)];
  return own !== undefined && ofAll !== undefined && own > ofAll ? `the pod has ${String(most)} in all` : undefined;
};

const RESOURCES = ['spec', 'resources'];
