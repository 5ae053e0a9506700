import { AppError } from '../api/errors.ts';
import type { Policy } from '../api/facts.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type PlatformDefaults, platformDefaultsCrd } from '../api/platform-defaults.ts';
import { validateDefaults } from '../defaults/validation/spec.ts';
import { groupVersionOf } from '../explanation/request.ts';
import { locationOf, readObjects, type SourcedObject } from './documents.ts';
import { sentenceOf } from './preview/field-error.ts';
import { mistypedKind } from './preview/kinds.ts';
import { metadataErrors, readMetadata } from './preview/metadata.ts';

/**
 * The PlatformDefaults in these files, in `namespace` where they name none. Throws AppError('InvalidInput') for an invalid one, and for
 * anything else that stands there: it was meant for another flag, or is mistyped.
 */
export const readDefaults = (
  files: readonly string[],
  policy: Policy,
  namespace: string,
): readonly PlatformDefaults[] => validDefaultsIn(readObjects(files), policy, namespace);

/** What `--defaults` names: PlatformDefaults, and what stands beside them in a file, which is taken as stored. Throws as `readDefaults` does. */
export const readSurroundings = (
  files: readonly string[],
  policy: Policy,
  namespace: string,
): { readonly defaults: readonly PlatformDefaults[]; readonly others: readonly KubeObject[] } => {
  const { defaults, others } = apart(readObjects(files));
  return { defaults: validDefaultsIn(defaults, policy, namespace), others };
};

/** Something else is none of the defaults only where its file has one, and where it is not meant for one. */
export const apart = (
  objects: readonly SourcedObject[],
): { readonly defaults: readonly SourcedObject[]; readonly others: readonly KubeObject[] } => {
  const withDefaults = new Set(objects.filter(isOurs).map(({ source }) => source.file));
  const isOther = (one: SourcedObject): boolean =>
    !isOurs(one) && withDefaults.has(one.source.file) && mistypedKind(one.object).length === 0;
  return {
    defaults: objects.filter((one) => !isOther(one)),
    others: objects.filter(isOther).map(({ object }) => object),
  };
};

const isOurs = ({ object: { apiVersion } }: SourcedObject): boolean => groupVersionOf(apiVersion).group === group;

/** The same of objects that were read already. */
export const validDefaultsIn = (
  objects: readonly SourcedObject[],
  policy: Policy,
  namespace: string,
): readonly PlatformDefaults[] => {
  const places = new Map<string, string>();
  return objects.map((sourced) => {
    const defaults = validDefaults(sourced, policy, namespace);
    const name = `${defaults.metadata.namespace}/${defaults.metadata.name}`;
    const before = places.get(name);
    const place = locationOf(sourced.source);
    if (before !== undefined)
      throw new AppError(
        'InvalidInput',
        `${place}: PlatformDefaults ${name} is in ${before} too, and a cluster has one of that name: give one of them.`,
      );
    places.set(name, place);
    return defaults;
  });
};

const { group, names, versions } = platformDefaultsCrd.spec;
const API_VERSION = `${group}/${String(versions[0]?.['name'])}`;

const validDefaults = (sourced: SourcedObject, policy: Policy, namespace: string): PlatformDefaults => {
  const found = asDefaults(sourced);
  const defaults = { ...found, metadata: { namespace, ...found.metadata } };
  const [violation] = validateDefaults(defaults, policy);
  if (violation !== undefined) throw new AppError('InvalidInput', `${locationOf(sourced.source)}: ${violation}`);
  return defaults;
};

/** Throws AppError('InvalidInput') for one of another kind or version, and for metadata that Kubernetes refuses. */
export const asDefaults = ({ source, object }: SourcedObject): PlatformDefaults => {
  const { apiVersion, kind } = object;
  if (kind !== names['kind'] || apiVersion !== API_VERSION)
    throw new AppError(
      'InvalidInput',
      `${locationOf(source)}: ${kind} of ${apiVersion} is no PlatformDefaults of ${API_VERSION}, which is all that is taken here.`,
    );
  const [unreadable] = readMetadata(object).unreadable;
  const [wrong] = unreadable === undefined ? metadataErrors(object, true).map(sentenceOf) : [unreadable];
  if (wrong !== undefined) throw new AppError('InvalidInput', `${locationOf(source)}: ${wrong}.`);
  return object as PlatformDefaults;
};
