import type { InjectSpec } from '../../api/inject-spec.ts';
import type { Mode } from '../../api/injection.ts';
import type { PlatformDefaultsSpec } from '../../api/platform-defaults.ts';
import { validateDefaults } from '../../defaults/validation/spec.ts';
import type { UnknownRecord } from '../../injection/path.ts';
import { type Assignment, type LeftOut, type Placed, pathText, place } from './assignment.ts';

export type Match = Omit<PlatformDefaultsSpec['match'], 'kinds' | 'containers'>;

/** One rule of another tool, read: which pods, and what they are given. */
export interface Rule {
  /** What its PlatformDefaults are called; those after the first have a number behind it. */
  readonly name: string;
  /** Where it holds; the whole cluster where nothing is said. */
  readonly namespace?: string;
  readonly matches: readonly Match[];
  readonly assignments: readonly Assignment[];
  readonly leftOut: readonly LeftOut[];
}

export interface Conversion {
  readonly specs: readonly PlatformDefaultsSpec[];
  readonly leftOut: readonly LeftOut[];
}

/** A rule that nothing is made of, and why. */
export const untranslated = (name: string, leftOut: readonly LeftOut[]): Rule => ({
  name,
  matches: [],
  assignments: [],
  leftOut,
});

/** What does to pods as their authors wrote them what a rule does, and what of the rule it does not do. */
export const specsOf = (rule: Rule, systemNamespace: string): Conversion => {
  const placed = rule.assignments.map((assignment) => ({ assignment, at: place(assignment) }));
  const parts = placed.flatMap(({ assignment, at }) =>
    typeof at === 'string' ? [] : [{ ...at, mode: assignment.mode, fields: [pathText(assignment.path)] }],
  );
  const groups = grouped(parts);
  const judged = groups.map((group) => judge(group, rule, systemNamespace));
  return {
    specs: judged.flatMap(({ specs }) => specs),
    leftOut: [
      ...rule.leftOut,
      ...placed.flatMap(({ assignment, at }) =>
        typeof at === 'string' ? [{ field: pathText(assignment.path), reason: at }] : [],
      ),
      ...unmounted(parts, groups),
      ...judged.flatMap(({ leftOut }) => leftOut),
    ],
  };
};

/** One spec for each match, unless any would be refused: then each part is left out by name. */
const judge = ({ mode, containers, inject, fields }: Part, rule: Rule, systemNamespace: string): Conversion => {
  const specs = rule.matches.map(
    (match): PlatformDefaultsSpec => ({
      match: { kinds: ['Pod'], ...match, ...(containers && { containers }) },
      ...(mode === 'Enforce' && { mode }),
      inject,
    }),
  );
  const metadata = { name: 'converted', namespace: rule.namespace ?? systemNamespace };
  const violations = specs.flatMap((spec) =>
    validateDefaults({ apiVersion: API_VERSION, kind: 'PlatformDefaults', metadata, spec }, { systemNamespace }),
  );
  if (violations.length === 0) return { specs, leftOut: [] };
  const reason = `comes to what is refused: ${[...new Set(violations)].join('; ')}`;
  return { specs: [], leftOut: fields.map((field) => ({ field, reason })) };
};

export const API_VERSION = 'quartermaster.dev/v1alpha1';

type Part = Placed & {
  readonly mode: Mode;
  /** What of the rule it comes from. */
  readonly fields: readonly string[];
};

const unmounted = (parts: readonly Part[], groups: readonly Part[]): readonly LeftOut[] => {
  const placed = new Set(groups.flatMap(({ fields }) => fields));
  return parts
    .flatMap(({ fields }) => fields)
    .filter((field) => !placed.has(field))
    .map((field) => ({
      field,
      reason: 'is a volume that nothing translated mounts, and Quartermaster gives a volume with its mounts alone',
    }));
};

/** By mode and containers: what is of the pod itself goes with the first of its mode, a volume with those that mount it. */
const grouped = (parts: readonly Part[]): readonly Part[] => {
  const ofPods = parts.filter(({ containers }) => containers === undefined);
  const ofContainers = Map.groupBy(
    parts.filter(({ containers }) => containers !== undefined),
    ({ mode, containers }) => JSON.stringify([mode, containers]),
  );
  const volumes = ofPods.filter(({ inject }) => inject.volumes !== undefined);
  const scoped = [...ofContainers.values()].map((alike) => withVolumes(joined(alike), volumes));
  const others = ofPods.filter(({ inject }) => inject.volumes === undefined);
  return (['Default', 'Enforce'] as const).flatMap((mode) => {
    const [first, ...further] = scoped.filter((group) => group.mode === mode);
    const general = others.filter((part) => part.mode === mode);
    const together = [...general, ...(first === undefined ? [] : [first])];
    return together.length === 0 ? [] : [{ ...first, ...joined(together) }, ...further];
  });
};

/** Several parts as one, for the containers of the first. */
const joined = (parts: readonly Part[]): Part => ({
  ...(parts[0] as Part),
  inject: mergedOf(parts),
  fields: parts.flatMap(({ fields }) => fields),
});

const withVolumes = (group: Part, volumes: readonly Part[]): Part => {
  const mounted = new Set(group.inject.volumeMounts?.map(({ name }) => name));
  const own = volumes.filter(({ inject }) => inject.volumes?.some(({ name }) => mounted.has(name)));
  if (own.length === 0) return group;
  return {
    ...group,
    inject: { ...group.inject, volumes: own.flatMap(({ inject }) => inject.volumes ?? []) },
    fields: [...group.fields, ...own.flatMap(({ fields }) => fields)],
  };
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
