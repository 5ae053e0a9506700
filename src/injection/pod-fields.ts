import { isDeepStrictEqual } from 'node:util';
import type { Injection, ResolvedMap } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, editOf, type FieldPath } from './edit.ts';
import { placementRefusal } from './fields/placement.ts';
import { resourceRefusal } from './fields/resources.ts';
import { containerSecurityRefusal, podSecurityRefusal, profileRefusal } from './fields/security.ts';
import { memoize } from './memo.ts';
import { listAt, mapAt, type Path, readAt, textAt } from './path.ts';

/** Fields of maps, each keyed by the path of its map and its name (`spec/affinity nodeAffinity`), as edits below a path. */
const fieldEdits = (below: Path, fields: ResolvedMap<unknown>): readonly Edit[] =>
  fields.size === 0
    ? NONE
    : memoize(fields, fieldEdits, below.join('/'), () =>
        [...fields].map(([id, resolved]) => {
          const [path = '', key = ''] = id.split(' ');
          return editOf([...below, ...(path === '' ? [] : path.split('/'))], key, resolved, resolved.value);
        }),
      );

const NONE: readonly Edit[] = [];

/** What an injection has for fields of the pod itself. */
export const podFieldEdits = ({ podFields }: Injection): readonly Edit[] => fieldEdits([], podFields);

/** The same for one container. */
export const containerFieldEdits = (container: Path, { containerFields }: Injection): readonly Edit[] =>
  fieldEdits(container, containerFields);

/** What the API server itself puts into every pod before a webhook is asked: nobody's word. */
export const isApiDefault = ({ at, key }: Edit, value: unknown): boolean => {
  if (at.at(-1) === 'tolerations') return isOfUnready(value);
  if (at.length !== 1) return false;
  return (
    (key === 'schedulerName' && value === 'default-scheduler') ||
    (key === 'terminationGracePeriodSeconds' && value === 30)
  );
};

/** Every pod tolerates for a while that its node is not there (DefaultTolerationSeconds). */
const isOfUnready = (value: unknown): boolean =>
  UNREADY.has(textAt(value, ['key']) ?? '') &&
  isDeepStrictEqual(value, { ...UNREADY_TOLERATION, key: textAt(value, ['key']) });

const UNREADY: ReadonlySet<string> = new Set(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);
const UNREADY_TOLERATION = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 };

/** What a class of priority, or of runtime, settles anew: with what the old one came to the API server would refuse the pod. */
export const supersededBy = ({ at, key }: Edit): readonly FieldPath[] =>
  (at.length === 1 ? SETTLED_BY.get(key) : undefined) ?? NOTHING;

const inSpec = (key: string): FieldPath => ({ at: ['spec'], key });
const SETTLED_BY: ReadonlyMap<string, readonly FieldPath[]> = new Map([
  ['priorityClassName', ['priority', 'preemptionPolicy'].map(inSpec)],
  ['runtimeClassName', [inSpec('overhead')]],
]);
const NOTHING: readonly FieldPath[] = [];

/** Why a field must not be put there: the API server would refuse the pod, or another controller looks after it. */
export const fieldRefusalOf = (pod: KubeObject, edit: Edit): string | undefined => {
  const { at } = edit;
  const [field, parent] = [at.at(-1), at.at(-2)];
  if (field !== undefined && PLACING.has(field)) return placementRefusal(pod, edit);
  if (field === 'securityContext') return securityRefusal(pod, edit);
  return parent === 'resources' ? resourceRefusal(pod, edit) : undefined;
};

const PLACING: ReadonlySet<string> = new Set(['nodeSelector', 'affinity', 'topologySpreadConstraints']);

const WINDOWS = 'it is a pod of Windows, which has no such thing';
export const isOfWindows = (pod: KubeObject): boolean =>
  textAt(pod, ['spec', 'os', 'name']) === 'windows' ||
  textAt(pod, ['spec', 'nodeSelector', 'kubernetes.io/os']) === 'windows';

const LINUX = 'it is a pod of Linux, which has no such thing';

const securityRefusal = (pod: KubeObject, edit: Edit): string | undefined => {
  const { at, key } = edit;
  if (key === 'windowsOptions') return textAt(pod, ['spec', 'os', 'name']) === 'linux' ? LINUX : undefined;
  if (isOfWindows(pod)) return WINDOWS;
  const ofPod = mapAt(pod, ['spec', 'securityContext']);
  const containers = at.length === 2 ? containersOf(pod) : [readAt(pod, at.slice(0, -1))];
  return (
    profileRefusal(mapAt(pod, ['metadata', 'annotations']), containers, edit) ??
    (at.length === 2
      ? podSecurityRefusal({ ofPod, containers, spec: mapAt(pod, ['spec']) }, edit)
      : containerSecurityRefusal(mapAt(pod, at), ofPod, edit))
  );
};

const containersOf = (pod: KubeObject): readonly unknown[] => [
  ...listAt(pod, ['spec', 'initContainers']),
  ...listAt(pod, ['spec', 'containers']),
];
