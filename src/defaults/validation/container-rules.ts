import type { InjectSpec } from '../../api/inject-spec.ts';
import { quantityOf, type StringMap } from '../../api/kubernetes.ts';
import { isWhole } from '../../injection/fields/resources.ts';
import { envName, qualifiedName } from './names.ts';

interface Resources {
  readonly requests?: StringMap | undefined;
  readonly limits?: StringMap | undefined;
}

/** What Kubernetes refuses of a container beyond what the schema says: resources, mounts within a volume, prefixes of variables. */
export const containerRuleViolations = (inject: InjectSpec): readonly string[] => [
  ...resourceViolations(inject.resources ?? {}).map((violation) => `spec.inject.resources${violation}`),
  ...(inject.volumeMounts ?? []).flatMap(({ subPath }, at) =>
    subPathViolations(subPath).map((violation) => `spec.inject.volumeMounts[${at}].subPath: ${violation}`),
  ),
  ...(inject.envFrom ?? []).flatMap(({ prefix }, at) =>
    !prefix || prefix.includes('${') || envName.accepts(prefix)
      ? []
      : [`spec.inject.envFrom[${at}].prefix: "${prefix}" cannot begin ${envName.title}`],
  ),
];

/** Each with the field below `resources` first. */
export const resourceViolations = ({ requests = {}, limits = {} }: Resources): readonly string[] => [
  ...Object.entries({ requests, limits }).flatMap(([list, quantities]) =>
    Object.entries(quantities).flatMap(([name, quantity]) =>
      quantityViolations(name, quantity).map((why) => `.${list}${why}`),
    ),
  ),
  ...Object.entries(requests).flatMap(([name, quantity]) => requestViolations(name, quantity, limits)),
];

const STANDARD: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

const quantityViolations = (name: string, quantity: string): readonly string[] => {
  if (!STANDARD.has(name) && !name.startsWith('hugepages-') && !(name.includes('/') && qualifiedName.accepts(name)))
    return [`: "${name}" is none of cpu, memory, ephemeral-storage, hugepages-<size> and devices (domain/name)`];
  return isDevice(name) && !Number.isInteger(quantityOf(quantity) ?? 0)
    ? [`.${name}: of a device there is a whole number, not ${quantity}`]
    : [];
};

const isDevice = (name: string): boolean => name.includes('/') && isWhole(name);

const requestViolations = (name: string, quantity: string, limits: StringMap): readonly string[] => {
  const { [name]: limit } = limits;
  const [low, high] = [quantityOf(quantity), quantityOf(limit)];
  if (limit === undefined)
    return isWhole(name) ? [`.limits: has no ${name}, of which what is asked for is the limit too; add it`] : [];
  if (low === undefined || high === undefined || (isWhole(name) ? low === high : low <= high)) return [];
  return [`.requests.${name}: ${quantity} is not within the limit, ${limit}`];
};

/** A path within its volume. */
export const subPathViolations = (subPath: string | undefined): readonly string[] =>
  subPath !== undefined && (subPath.startsWith('/') || subPath.split('/').includes('..'))
    ? [`"${subPath}" is no path within the volume; leave out the / before it and any ..`]
    : [];
