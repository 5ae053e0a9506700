import type { ContainerInjection, ContainerTarget, Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { listAt, type Path, textAt } from '../path.ts';
import { type FrameworkProfile, isInjectedByOthers } from './framework.ts';

/** A container that can be given something, and where it stands. */
export interface PlacedContainer extends ContainerTarget {
  readonly at: Path;
}

/** Which containers of a pod are whose; a `FrameworkProfile` says so. */
export type ContainerRules = Pick<FrameworkProfile, 'main' | 'helpers' | 'untouched'>;

/** Every container of the user's, by the first alone where it has no framework. */
export const ANY_POD: ContainerRules = { main: 'all', helpers: [], untouched: [] };

/**
 * The containers of a pod that can be given something, regular ones first. Of several of one name, which no
 * API server takes, it is the first.
 */
export const containersOf = (pod: KubeObject, rules: ContainerRules): readonly PlacedContainer[] => {
  const names = new Set<string>();
  const containers: PlacedContainer[] = [];
  const named = isAnyNamed(pod, rules.main);
  let hasMain = false;
  for (const list of LISTS) {
    for (const [index, container] of listAt(pod, ['spec', list]).entries()) {
      const name = textAt(container, ['name']) ?? '';
      if (names.has(name)) continue;
      names.add(name);
      const isFirst = list === 'containers' && !hasMain;
      const placed = placedContainer({ name, list, container, isFirst, named }, rules);
      if (placed === undefined) continue;
      hasMain ||= placed.role === 'main';
      containers.push({ ...placed, at: ['spec', list, String(index)] });
    }
  }
  return containers;
};

/**
 * Where none of a pod's containers is anybody's program, all of them are: a framework, or another webhook, puts what is called so beside
 * one. They are for what is enforced, since nothing else is known of them.
 */
export const containersOfLastResort = (
  pod: KubeObject,
  containers: readonly PlacedContainer[],
): readonly PlacedContainer[] =>
  containers.some(({ at, isDefault }) => isDefault && at[1] === 'containers')
    ? NONE
    : listAt(pod, ['spec', 'containers']).map((container, index) => ({
        at: ['spec', 'containers', String(index)],
        name: textAt(container, ['name']) ?? '',
        role: 'main',
        isDefault: true,
      }));

const NONE: readonly PlacedContainer[] = [];
const LISTS = ['containers', 'initContainers'] as const;

interface Found {
  readonly name: string;
  readonly list: (typeof LISTS)[number];
  readonly container: unknown;
  /** No container before it is the user's program. */
  readonly isFirst: boolean;
  /** Some container has one of the names that a user's has here. */
  readonly named: boolean;
}

const placedContainer = (found: Found, rules: ContainerRules): ContainerTarget | undefined => {
  const { name, list, container } = found;
  if (isAny(rules.untouched, name)) return undefined;
  if (isAny(rules.helpers, name)) return { name, role: 'helper', isDefault: false };
  if (isInjectedByOthers(name)) return { name, role: 'other', isDefault: false };
  if (list === 'initContainers') {
    const isSidecar = textAt(container, ['restartPolicy']) === 'Always';
    return { name, role: isSidecar ? 'sidecar' : 'init', isDefault: false };
  }
  const isMain = isMainContainer(found, rules.main);
  return { name, role: isMain ? 'main' : 'sidecar', isDefault: isMain || rules.main === 'all' };
};

const isMainContainer = ({ name, isFirst, named }: Found, main: ContainerRules['main']): boolean =>
  typeof main === 'string' || !named ? isFirst : isAny(main, name);

const isAnyNamed = (pod: KubeObject, main: ContainerRules['main']): boolean =>
  typeof main !== 'string' &&
  listAt(pod, ['spec', 'containers']).some((container) => isAny(main, textAt(container, ['name']) ?? ''));

const isAny = (patterns: readonly RegExp[], name: string): boolean => patterns.some((pattern) => pattern.test(name));

/** What each container of a pod is given. */
export type InjectionFor = (container: ContainerTarget) => ContainerInjection;

/** Where nothing is for certain containers: all of it for those that the kind gives everything to, its sources for others. */
export const unscoped =
  (injection: Injection): InjectionFor =>
  ({ role, isDefault }) => ({
    full: isDefault ? injection : undefined,
    sources: role === 'other' ? undefined : injection,
  });
