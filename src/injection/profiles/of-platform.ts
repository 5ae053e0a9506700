import type { PodProfileOfPlatform } from '../../api/facts.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { ContainerRules } from './containers.ts';
import { ANY_POD } from './containers.ts';
import type { FrameworkProfile, Reserved } from './framework.ts';
import { isKnownBy } from './recognition.ts';

/** A profile that the platform wrote, ready for use. */
export interface PlatformProfile {
  readonly name: string;
  readonly labels: PodProfileOfPlatform['labels'];
  readonly main: readonly RegExp[] | undefined;
  readonly helpers: readonly RegExp[];
  readonly untouched: readonly RegExp[];
  readonly reserved: Reserved;
}

/** The platform's profile that fits a pod: the first that does. Profiles are compiled once for each list of them. */
export const platformProfileOf = (
  pod: KubeObject,
  profiles: readonly PodProfileOfPlatform[] | undefined,
): PlatformProfile | undefined => {
  if (profiles === undefined || profiles.length === 0) return undefined;
  const known = compiled.get(profiles) ?? compile(profiles);
  return known.find(({ labels }) => isKnownBy(pod, { labels }));
};

const compiled = new WeakMap<readonly PodProfileOfPlatform[], readonly PlatformProfile[]>();

const compile = (profiles: readonly PodProfileOfPlatform[]): readonly PlatformProfile[] => {
  const made = profiles.map(({ name, labels, main, helpers, untouched, reserved = {} }) => ({
    name,
    labels,
    main: main && patternsOf(main),
    helpers: patternsOf(helpers),
    untouched: patternsOf(untouched),
    reserved: {
      paths: (reserved.paths ?? []).map((path) => new RegExp(`^${expressionOf(path.replace(/\/+$/, ''))}(/|$)`)),
      volumes: patternsOf(reserved.volumes),
      env: patternsOf(reserved.env),
      labels: patternsOf(reserved.labels),
    },
  }));
  compiled.set(profiles, made);
  return made;
};

const patternsOf = (globs: readonly string[] = []): readonly RegExp[] =>
  globs.map((glob) => new RegExp(`^${expressionOf(glob)}$`));

/** Several stars in a row are one: a pattern costs no more than its length times the name's for each star. */
const expressionOf = (glob: string): string =>
  glob
    .replace(/\*+/g, '*')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');

/** Whose containers are whose: the platform's word over that of the framework, whose own containers stay its own. */
export const rulesOf = (
  framework: FrameworkProfile | undefined,
  platform: PlatformProfile | undefined,
): ContainerRules => {
  const rules = framework ?? ANY_POD;
  if (platform === undefined) return rules;
  return {
    main: platform.main ?? rules.main,
    helpers: [...platform.helpers, ...rules.helpers],
    untouched: [...platform.untouched, ...rules.untouched],
  };
};
