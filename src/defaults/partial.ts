import { envFromKey, type InjectSpec, type TargetKind, tolerationKey } from '../api/inject-spec.ts';
import type { Mode } from '../api/injection.ts';
import type { EnvFromSource, Toleration } from '../api/kubernetes.ts';
import { injectViolations } from './validation/inject.ts';
import {
  fillVariables,
  isOfObject,
  type Lookup,
  requiredVariablesIn,
  unknownVariable,
  variablesIn,
} from './variables.ts';

/** A value that is left out of what an entry gives an object, and why: a part of a sentence. */
export interface LeftOutValue {
  /** `env HTTP_PROXY`: the key of `spec.inject`, and what tells the value apart there. */
  readonly field: string;
  readonly why: string;
  /** True where it follows from the object that it is: another object would be given it. */
  readonly isOfObject: boolean;
}

export interface Filling {
  readonly kinds: readonly TargetKind[];
  readonly mode: Mode;
  /** The variables that have no value of their own to fall back to. */
  readonly required: readonly string[];
  readonly variables: Lookup;
  /** The text of a variable, as far as there is room for it. */
  readonly spend: (text: string) => string;
}

/** What is given once variables are filled in; a part of a sentence where nothing of it can be. */
export interface Filled {
  readonly inject: InjectSpec;
  readonly leftOut: readonly LeftOutValue[];
}

/**
 * Fills variables in. A value that names one which is not known, or that comes out as something no object takes, is left out, and with
 * it what is no good without it: the mounts of a volume, the other keys of a volume in sparkConf. All else is given: what is enforced
 * holds, whatever label an object lacks.
 */
export const fillPartly = (inject: InjectSpec, filling: Filling): Filled | string => {
  const { kinds, mode, required, variables, spend } = filling;
  const isAllKnown = required.every((name) => variables.valueOf(name) !== undefined);
  const items = isAllKnown ? [] : itemsOf(inject);
  const unknown = items.flatMap((item) => unknownIn(item, filling));
  const wanted = unknown.length === 0 ? inject : keep(inject, items, unknown);
  const filled = fillVariables(wanted, (name, fallback) => spend(variables.valueOf(name) ?? fallback ?? ''));
  const violations = injectViolations(filled, kinds, mode);
  return violations.length === 0 ? { inject: filled, leftOut: unknown } : withoutWrong(inject, unknown, filling);
};

/** Once more, without the values that no object takes. */
const withoutWrong = (inject: InjectSpec, unknown: readonly LeftOutValue[], filling: Filling): Filled | string => {
  const items = itemsOf(inject);
  const wrong = items.flatMap((item) => violationOf(item, inject, filling));
  const leftOut = [...unknown, ...wrong.filter(({ field }) => !unknown.some((one) => one.field === field))];
  const remainder = fill(keep(inject, items, leftOut), filling);
  const [remaining] = injectViolations(remainder, filling.kinds, filling.mode);
  return remaining ?? { inject: remainder, leftOut };
};

const fill = (inject: InjectSpec, { variables }: Filling): InjectSpec =>
  fillVariables(inject, (name, fallback) => variables.valueOf(name) ?? fallback ?? '');

/** One value of an injection. */
export interface Item {
  readonly key: string;
  /** Undefined for a value that is whole, such as an account. */
  readonly id: string | undefined;
  readonly value: unknown;
}

const MAPS = new Set(['labels', 'annotations', 'nodeSelector', 'sparkConf', 'hadoopConf', 'prometheus']);

export const itemsOf = (inject: InjectSpec): readonly Item[] =>
  Object.entries(inject).flatMap(([key, value]: [string, unknown]): readonly Item[] => {
    if (Array.isArray(value)) return value.map((item: unknown) => ({ key, id: identityOf(key, item), value: item }));
    return MAPS.has(key)
      ? Object.entries(value as object).map(([id, item]: [string, unknown]) => ({ key, id, value: item }))
      : [{ key, id: undefined, value }];
  });

const identityOf = (key: string, item: unknown): string => {
  if (key === 'envFrom') return envFromKey(item as EnvFromSource);
  if (key === 'tolerations') return tolerationKey(item as Toleration);
  const { name, mountPath, ip } = item as Readonly<Record<string, string | undefined>>;
  return mountPath ?? name ?? ip ?? JSON.stringify(item);
};

/** `env HTTP_PROXY`, as people name it. */
export const fieldOf = ({ key, id }: Item): string => (id === undefined ? key : `${key} ${id}`);

const unknownIn = (item: Item, { variables }: Filling): readonly LeftOutValue[] => {
  for (const name of requiredVariablesIn(item.value)) {
    const lacked = variables.lackedBy(name);
    if (lacked !== undefined)
      return [{ field: fieldOf(item), why: unknownVariable(lacked), isOfObject: isOfObject(lacked) }];
  }
  return [];
};

/** What is wrong with one value by itself, once its variables are filled in. */
const violationOf = (item: Item, inject: InjectSpec, filling: Filling): readonly LeftOutValue[] => {
  const named = [...variablesIn(item.value)];
  if (named.length === 0) return [];
  const alone = fill(keep(inject, [item], []), filling);
  // A mount alone would be one of no volume.
  const volumes = item.key === 'volumeMounts' ? { volumes: inject.volumes ?? [] } : {};
  const [violation] = injectViolations({ ...volumes, ...alone }, filling.kinds, filling.mode);
  return violation === undefined
    ? []
    : [{ field: fieldOf(item), why: violation, isOfObject: isMadeOfObject(named, filling) }];
};

const isMadeOfObject = (names: readonly string[], { variables }: Filling): boolean =>
  names.some((name) => [...variables.partsOf(name)].some(isOfObject));

/** An injection of these items, but for those that are left out and those that are no good without one. */
const keep = (inject: InjectSpec, items: readonly Item[], leftOut: readonly LeftOutValue[]): InjectSpec => {
  const gone = new Set(leftOut.map(({ field }) => field));
  const goneVolumes = new Set(items.filter((item) => gone.has(fieldOf(item))).flatMap(volumeOf));
  const kept = items.filter(
    (item) => !gone.has(fieldOf(item)) && !usedVolumes(item).some((name) => goneVolumes.has(name)),
  );
  const parts = [...Map.groupBy(kept, ({ key }) => key)].map(
    ([key, list]) => [key, joined(key, list, inject)] as const,
  );
  return Object.fromEntries(parts) as InjectSpec;
};

const joined = (key: string, list: readonly Item[], inject: InjectSpec): unknown => {
  if (Array.isArray(inject[key as keyof InjectSpec])) return list.map(({ value }) => value);
  return MAPS.has(key) ? Object.fromEntries(list.map(({ id = '', value }) => [id, value])) : list[0]?.value;
};

const CONF_VOLUME = /^spark\.kubernetes\.(driver|executor)\.volumes\.[^.]+\.[^.]+\./;

/** What is no good without a value: a volume by name, the keys of a volume of sparkConf by what they begin with. */
const volumeOf = ({ key, id = '' }: Item): readonly string[] => {
  if (key === 'volumes') return [`volume ${id}`];
  const prefix = key === 'sparkConf' ? CONF_VOLUME.exec(id)?.[0] : undefined;
  return prefix === undefined ? [] : [`conf ${prefix}`];
};

const usedVolumes = (item: Item): readonly string[] =>
  item.key === 'volumeMounts'
    ? [`volume ${(item.value as { readonly name?: string }).name ?? ''}`]
    : item.key === 'sparkConf'
      ? volumeOf(item)
      : [];

/** One sentence's worth: the values that are left out for each reason. */
export const leftOutText = (values: readonly LeftOutValue[]): string =>
  [...Map.groupBy(values, ({ why }) => why)]
    .map(([why, list]) => {
      const fields = list.slice(0, MAX_FIELDS).map(({ field }) => field);
      const more = list.length > MAX_FIELDS ? [`${list.length - MAX_FIELDS} more`] : [];
      const told = [...fields, ...more].join(', ');
      return `${told} ${list.length === 1 ? 'is' : 'are'} not applied: ${why}`;
    })
    .slice(0, MAX_REASONS)
    .join('; ');

const MAX_FIELDS = 5;
const MAX_REASONS = 5;
