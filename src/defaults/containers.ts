import { type AddedContainer, forHelpers, type InjectKey, type InjectSpec } from '../api/inject-spec.ts';
import type { ContainerRole, ContainerTarget } from '../api/injection.ts';
import type { PlatformDefaultsSpec } from '../api/platform-defaults.ts';
import type { LeftOutValue } from './partial.ts';
import { CONTAINER_LISTS, type ContainerList, containerViolations } from './validation/containers.ts';

/** How much of an entry one container is given. */
export type Share = 'all' | 'sources' | 'nothing';

/** The share of a container in an entry, whose selector is undefined where it says nothing of containers. */
export const shareOf = (container: ContainerTarget, selector: ContainerSelector | undefined): Share => {
  if (selector !== undefined) return selector(container) ? 'all' : 'nothing';
  if (container.isDefault) return 'all';
  // What another webhook put in is given nothing.
  return container.role === 'other' ? 'nothing' : 'sources';
};

/** What of an entry reaches a container that is given its sources of variables, and what is for frameworks' own containers too. */
export const sourcesAlone = (inject: InjectSpec): InjectSpec =>
  Object.fromEntries(Object.entries(forHelpers(inject)).filter(([key]) => SOURCES.has(key)));

const SOURCES: ReadonlySet<string> = new Set<InjectKey>([
  ...(['envFrom', 'objectStore', 'proxy', 'caBundle'] as const),
  ...(['forExecutors', 'env', 'configMaps'] as const),
]);

/** True for a container that `match.containers` selects. */
export type ContainerSelector = (container: ContainerTarget) => boolean;

const ROLES: Readonly<Record<string, readonly ContainerRole[]>> = {
  main: ['main'],
  init: ['init'],
  sidecars: ['sidecar'],
  all: ['main', 'init', 'sidecar'],
};

/**
 * Reads `match.containers`. A helper of a framework is never selected: it gets sources of variables alone. What another webhook put
 * in is selected by its whole name and by nothing else.
 */
export const containerSelector = (items: readonly string[]): ContainerSelector => {
  const roles = new Set(items.flatMap((item) => (Object.hasOwn(ROLES, item) ? (ROLES[item] ?? []) : [])));
  const names = items.filter((item) => !Object.hasOwn(ROLES, item));
  const exact = new Set(names.filter((name) => !isPattern(name)));
  const patterns = names.filter(isPattern);
  return ({ name, role }) =>
    role !== 'helper' &&
    (roles.has(role) ||
      exact.has(name) ||
      (role !== 'other' && patterns.some((pattern) => matchesGlob(name, pattern))));
};

type Items = readonly string[] | undefined;

/** False where two selectors are known to be of different containers: their names and roles differ. */
export const canShareContainers = (some: Items, others: Items): boolean =>
  some === undefined ||
  others === undefined ||
  some.some((item) => others.includes(item)) ||
  [...some, ...others].some((item) => item === 'all' || isPattern(item)) ||
  hasName(some) !== hasName(others);

/** A name may be that of any role. */
const hasName = (items: readonly string[]): boolean => items.some((item) => !Object.hasOwn(ROLES, item));

const isPattern = (name: string): boolean => /[*?]/.test(name);

/** The API server takes no longer names. */
const MAX_NAME_LENGTH = 63;

/** `*` stands for any text, `?` for one character. Goes back to the last `*` alone, so that its cost is that of name times pattern. */
const matchesGlob = (name: string, pattern: string): boolean => {
  if (name.length > MAX_NAME_LENGTH) return false;
  let [at, inPattern, star, resumeAt] = [0, 0, -1, 0];
  while (at < name.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern;
      resumeAt = at;
      inPattern += 1;
    } else if (pattern[inPattern] === '?' || pattern[inPattern] === name[at]) {
      at += 1;
      inPattern += 1;
    } else if (star >= 0) {
      resumeAt += 1;
      at = resumeAt;
      inPattern = star + 1;
    } else return false;
  }
  return [...pattern.slice(inPattern)].every((character) => character === '*');
};

/** What has templates. */
interface Templating {
  readonly spec: Pick<PlatformDefaultsSpec, 'templates'>;
}

/** What an entry gives with each of its containers whole, and what it cannot give. */
export interface Templated {
  readonly inject: InjectSpec;
  readonly leftOut: readonly LeftOutValue[];
}

/** Puts below each container the template that it names: the best of `matched`, best first, that has one of that name. */
export const withTemplates = (inject: InjectSpec, matched: readonly Templating[]): Templated => {
  if (!CONTAINER_LISTS.some((list) => inject[list]?.some(({ template }) => template !== undefined)))
    return { inject, leftOut: [] };
  const templates = templatesIn(matched);
  const leftOut: LeftOutValue[] = [];
  const whole = CONTAINER_LISTS.flatMap((list) => {
    const items = inject[list];
    if (items === undefined) return [];
    const containers = items.flatMap((item) => {
      const container = wholeContainer(item, list, templates);
      if (typeof container !== 'string') return [container];
      leftOut.push({ field: `${list} ${item.name}`, why: container, isOfObject: false });
      return [];
    });
    return [[list, containers] as const];
  });
  return { inject: { ...inject, ...Object.fromEntries(whole) }, leftOut };
};

const templatesIn = (matched: readonly Templating[]): ReadonlyMap<string, AddedContainer> => {
  const worstFirst = matched.toReversed().flatMap(({ spec: { templates = [] } }) => templates);
  return new Map(worstFirst.map((template) => [template.name, template]));
};

/** A part of a sentence where there is no such template, or no container comes of it. */
const wholeContainer = (
  { template: name, ...own }: AddedContainer,
  list: ContainerList,
  templates: ReadonlyMap<string, AddedContainer>,
): AddedContainer | string => {
  if (name === undefined) return own;
  const template = templates.get(name);
  if (template === undefined) return `no PlatformDefaults that matches has a template ${name}`;
  const container = { ...template, ...own };
  const [violation] = containerViolations(container, list);
  return violation === undefined ? container : `spec.inject.${list}${violation}`;
};
