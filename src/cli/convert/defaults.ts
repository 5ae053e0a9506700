import type { InjectSpec } from '../../api/inject-spec.ts';
import type { Mode } from '../../api/injection.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../api/platform-defaults.ts';
import { validateDefaults } from '../../defaults/validation/spec.ts';
import type { UnknownRecord } from '../../injection/path.ts';
import { type Assignment, type LeftOut, type Placed, pathText, place } from './assignment.ts';

export type Match = Omit<PlatformDefaultsSpec['match'], 'kinds' | 'containers'>;

/** One rule of another tool, read: which pods, and what they are given. */
export interface Rule {
  /** What its PlatformDefaults are called. */
  readonly name: string;
  /** Where it holds; the whole cluster where nothing is said. */
  readonly namespace?: string;
  readonly matches: readonly Match[];
  readonly assignments: readonly Assignment[];
  readonly leftOut: readonly LeftOut[];
}

export interface Conversion {
  readonly defaults: readonly PlatformDefaults[];
  readonly leftOut: readonly LeftOut[];
}

/** The PlatformDefaults that do what a rule does to pods as their authors wrote them, and what of the rule they do not do. */
export const defaultsOf = (rule: Rule, systemNamespace: string): Conversion => {
  const placed = rule.assignments.map((assignment) => ({ assignment, at: place(assignment) }));
  const parts = placed.flatMap(({ assignment, at }) =>
    typeof at === 'string' ? [] : [{ ...at, mode: assignment.mode }],
  );
  const groups = grouped(parts);
  const leftOut = placed.flatMap(({ assignment, at }) =>
    typeof at === 'string' ? [{ field: pathText(assignment.path), reason: at }] : [],
  );
  const candidates = groups.flatMap((group) => rule.matches.map((match) => ({ group, match })));
  const made = candidates.map(
    ({ group: { mode, containers, inject }, match }, at): PlatformDefaults => ({
      apiVersion: 'quartermaster.dev/v1alpha1',
      kind: 'PlatformDefaults',
      metadata: { name: nameOf(rule.name, at), namespace: rule.namespace ?? systemNamespace },
      spec: {
        match: { kinds: ['Pod'], ...match, ...(containers && { containers }) },
        ...(mode === 'Enforce' && { mode }),
        inject,
      },
    }),
  );
  const judged = made.map((one) => ({ one, violations: validateDefaults(one, { systemNamespace }) }));
  return {
    defaults: judged.flatMap(({ one, violations }) => (violations.length === 0 ? [one] : [])),
    leftOut: [
      ...rule.leftOut,
      ...leftOut,
      ...judged.flatMap(({ violations }) => violations.map((reason) => ({ field: 'what it comes to', reason }))),
    ],
  };
};

type Part = Placed & { readonly mode: Mode };

/** By mode and containers: what is of the pod itself goes with the first of its mode, a volume with those that mount it. */
const grouped = (parts: readonly Part[]): readonly Part[] => {
  const ofPods = parts.filter(({ containers }) => containers === undefined);
  const ofContainers = Map.groupBy(
    parts.filter(({ containers }) => containers !== undefined),
    ({ mode, containers }) => JSON.stringify([mode, containers]),
  );
  const scoped = [...ofContainers.values()].map((alike) => ({ ...alike[0], inject: mergedOf(alike) }) as Part);
  const volumes = ofPods.flatMap(({ inject }) => inject.volumes ?? []);
  const withVolumes = scoped.map((group) => {
    const mounted = new Set(group.inject.volumeMounts?.map(({ name }) => name));
    const own = volumes.filter(({ name }) => mounted.has(name));
    return own.length === 0 ? group : { ...group, inject: { ...group.inject, volumes: own } };
  });
  const others = ofPods.filter(({ inject }) => inject.volumes === undefined);
  return (['Default', 'Enforce'] as const).flatMap((mode) => {
    const [first, ...further] = withVolumes.filter((group) => group.mode === mode);
    const general = others.filter((part) => part.mode === mode);
    if (general.length === 0) return first === undefined ? further : [first, ...further];
    return [{ ...first, mode, inject: mergedOf([...general, ...(first === undefined ? [] : [first])]) }, ...further];
  });
};

const mergedOf = (parts: readonly Placed[]): InjectSpec =>
  parts.reduce<Readonly<Record<string, unknown>>>((merged, { inject }) => mergedFields(merged, inject), {});

const mergedFields = (one: UnknownRecord, other: UnknownRecord): UnknownRecord => ({
  ...one,
  ...Object.fromEntries(Object.entries(other).map(([key, value]) => [key, mergedValue(one[key], value)])),
});

const mergedValue = (one: unknown, other: unknown): unknown => {
  if (Array.isArray(one) && Array.isArray(other)) return [...(one as unknown[]), ...(other as unknown[])];
  const areFields = [one, other].every((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  return areFields ? mergedFields(one as UnknownRecord, other as UnknownRecord) : other;
};

const nameOf = (rule: string, at: number): string => {
  const name = rule
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 240);
  return at === 0 ? name : `${name}-${at + 1}`;
};
