import type { DefaultsSource, Mode } from '../api/injection.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../api/platform-defaults.ts';
import { type Requirement, requirementsOf } from './selector.ts';
import { withoutNulls } from './without-nulls.ts';

/** A PlatformDefaults as resolution wants it. Immutable: make it once for each generation. */
export interface Entry {
  readonly source: DefaultsSource;
  readonly spec: PlatformDefaultsSpec;
  readonly mode: Mode;
  /** In the system namespace: holds everywhere. */
  readonly isGlobal: boolean;
  readonly labelRequirements: readonly Requirement[];
  readonly namespaceRequirements: readonly Requirement[];
  /** Empty: every cloud. */
  readonly clouds: readonly string[];
  /** Compared from left to right; the higher wins. Two entries of equal precedence are told apart by name alone. */
  readonly precedence: readonly number[];
}

export interface DefaultsOptions {
  readonly systemNamespace: string;
}

/** Reads a PlatformDefaults that `validateDefaults` found nothing wrong with. One without a namespace is global. */
export const entryOf = (defaults: PlatformDefaults, { systemNamespace }: DefaultsOptions): Entry => {
  const { metadata } = defaults;
  const spec = withoutNulls(defaults.spec);
  const namespace = metadata.namespace ?? systemNamespace;
  const isGlobal = namespace === systemNamespace;
  const mode = spec.mode ?? 'Default';
  const labelRequirements = requirementsOf(spec.match.selector);
  const namespaceRequirements = requirementsOf(spec.match.namespaceSelector);
  return {
    source: { namespace, name: metadata.name ?? '', generation: metadata.generation ?? 0 },
    spec,
    mode,
    isGlobal,
    labelRequirements,
    namespaceRequirements,
    clouds: spec.match.clouds ?? [],
    precedence: [rankOf(mode, isGlobal), labelRequirements.length, namespaceRequirements.length, spec.priority ?? 0],
  };
};

/** Best first: who comes earlier wins every key that both give. A total order within what can match one object. */
export const compareEntries = (a: Entry, b: Entry): number => {
  const unequal = a.precedence.findIndex((rank, index) => rank !== b.precedence[index]);
  if (unequal >= 0) return (b.precedence[unequal] ?? 0) - (a.precedence[unequal] ?? 0);
  return compareText(a.source.name, b.source.name) || compareText(a.source.namespace, b.source.namespace);
};

/** True where nothing but the name decides between the two. */
export const hasEqualPrecedence = (a: Entry, b: Entry): boolean =>
  a.precedence.every((rank, index) => rank === b.precedence[index]);

/** `namespace/name`, as messages have it. */
export const namespacedName = ({ source }: Entry): string => `${source.namespace}/${source.name}`;

/**
 * What is enforced stands above every default. Among defaults the namespace knows better than the platform; among
 * what is enforced the platform has the last word, or a tenant could undo it with a PlatformDefaults of their own.
 */
const rankOf = (mode: Mode, isGlobal: boolean): number => {
  if (mode === 'Enforce') return isGlobal ? 3 : 2;
  return isGlobal ? 0 : 1;
};

const compareText = (a: string, b: string): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};
