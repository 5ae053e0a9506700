import type { ContainerInjection, Injection, ResolvedMap } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { memoize } from '../memo.ts';
import { listAt } from '../path.ts';
import type { InjectionFor } from './containers.ts';

/** No node runs nearly as many in one pod. */
const MAX_CONTAINERS = 250;
/** How many values the containers of a pod may be given together: all others wait while each is decided. */
const MAX_VALUES = 8_000;
/** The same in characters of JSON: no API server stores more in one object. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
/** How many sets of values the containers of a pod may be given that are not the same: each is merged by itself. */
const MAX_SETS = 128;
/** How often a container may be held against what is for certain containers. */
const MAX_COMPARED = 100_000;

/** Why the containers of a pod are not looked at one by one, in one sentence; told without looking. */
export const crowdIn = (pod: KubeObject, added: number): string | undefined => {
  const count = containerCount(pod) + added;
  return count <= MAX_CONTAINERS
    ? undefined
    : `${count} containers are more than the ${MAX_CONTAINERS} that can be given anything`;
};

const containerCount = (pod: KubeObject): number => LISTS.reduce((sum, list) => sum + listAt(pod, list).length, 0);

const LISTS = [
  ['spec', 'containers'],
  ['spec', 'initContainers'],
];

/** What the containers of one pod are given, one after another, until it is more than any object can hold. */
interface Metered {
  readonly injection: Injection;
  readonly injectionFor: InjectionFor;
  /** Why that was not all, in one sentence. */
  readonly excess: () => string | undefined;
}

/** Counts where it might be too much: for ordinary pods a product tells that it is not. */
export const metered = (pod: KubeObject, injection: Injection, injectionFor: InjectionFor): Metered => {
  const count = containerCount(pod);
  if (!injection.isScoped && isWithin(loadOf(injection), count))
    return { injection, injectionFor, excess: () => undefined };
  if (injection.isScoped && count * injection.matched.length > MAX_COMPARED)
    return { injection, injectionFor: () => NOTHING, excess: () => TOO_MIXED };
  const sets = new Set<Injection>();
  const total = { values: 0, characters: 0 };
  const add = (set: Injection, { values, characters }: Load): void => {
    sets.add(set);
    total.values += values;
    total.characters += characters;
  };
  const excess = (): string | undefined => {
    if (!isWithin(total)) return TOO_LARGE;
    return sets.size > MAX_SETS ? TOO_MIXED : undefined;
  };
  return {
    // What is made of a part must not be memoized as if it were all.
    injection: { ...injection },
    injectionFor: (container) => {
      if (excess() !== undefined) return NOTHING;
      const given = injectionFor(container);
      const { full, sources } = given;
      if (full !== undefined) add(full, loadOf(full));
      if (sources !== undefined) add(sources, loadOfSources(sources));
      return given;
    },
    excess,
  };
};

const TOO_LARGE = `its containers would be given more than ${MAX_VALUES} values or 4 MiB together`;
const TOO_MIXED = 'too much of it is for some of its containers and not for others';
const NOTHING: ContainerInjection = { full: undefined, sources: undefined };

interface Load {
  readonly values: number;
  readonly characters: number;
}

const isWithin = ({ values, characters }: Load, times = 1): boolean =>
  times * values <= MAX_VALUES && times * characters <= MAX_CHARACTERS;

/** What a container that is given everything is given. */
const loadOf = (injection: Injection): Load =>
  memoize(injection, loadOf, '', () => {
    const { env, envFrom, volumeMounts, configMaps, secrets, containerFields } = injection;
    return loadOfMaps([env, envFrom, volumeMounts, configMaps, secrets, containerFields]);
  });

/** What one of a framework's own is given. */
const loadOfSources = (injection: Injection): Load =>
  memoize(injection, loadOfSources, '', () => {
    const { envFrom, helperEnv, helperConfigMaps } = injection;
    return loadOfMaps([envFrom, helperEnv, helperConfigMaps]);
  });

const loadOfMaps = (maps: readonly ResolvedMap<unknown>[]): Load => ({
  values: maps.reduce((sum, { size }) => sum + size, 0),
  characters: maps.reduce(
    (sum, map) => sum + JSON.stringify([...map].map(([key, { value }]) => [key, value])).length,
    0,
  ),
});
