import type { Injection, ResolvedMap } from '../../api/injection.ts';
import { type Edit, editOf } from '../edit.ts';
import { memoize } from '../memo.ts';
import type { Path } from '../path.ts';
import type { Refusal } from '../settlement.ts';
import type { InjectionFor } from './containers.ts';

/**
 * What is enforced and none of a pod's containers is given: nobody may get round it by what a pod looks like, so that it is refused like
 * anything else that cannot be given.
 */
export const unplacedIn = (injection: Injection, scoped: InjectionFor, edits: readonly Edit[]): readonly Refusal[] => {
  const enforced = enforcedIn(injection);
  if (enforced.length === 0) return NOTHING;
  const places = edits.length === 0 ? NOWHERE : memoize(edits, placesIn, '', () => placesIn(edits));
  const missing = enforced.filter((edit) => !places.has(placeOf(edit)));
  if (missing.length === 0 || !injection.isScoped) return missing.map(refusalOf);
  // What is for certain containers is for none where the pod has none of them.
  const forAny = ROLES.map((role) => enforcedIn(scoped({ name: '', role, isDefault: true }).full));
  const meant = forAny.map((list) => new Set(list.map(placeOf)));
  return missing.filter((edit) => meant.every((places) => places.has(placeOf(edit)))).map(refusalOf);
};

const ROLES = ['main', 'sidecar'] as const;
const NOTHING: readonly Refusal[] = [];
const NOWHERE: ReadonlySet<string> = new Set();

const refusalOf = (edit: Edit): Refusal => ({ edit, why: UNPLACED });
const UNPLACED = 'no container of such a pod is given it';

const CONTAINER: Path = ['spec', 'containers', '*'];

/** As edits of no container in particular. */
const enforcedIn = (injection: Injection | undefined): readonly Edit[] =>
  injection === undefined
    ? []
    : memoize(injection, enforcedIn, '', () => [
        ...enforcedOf([...CONTAINER, 'env'], injection.env),
        ...enforcedOf([...CONTAINER, 'envFrom'], injection.envFrom),
        ...[injection.volumeMounts, injection.configMaps, injection.secrets].flatMap((mounts) =>
          enforcedOf<object>([...CONTAINER, 'volumeMounts'], mounts),
        ),
        ...enforcedOf(['spec', 'initContainers'], injection.addedContainers),
        ...enforcedOf(CONTAINER, injection.containerFields).map(ofField),
      ]);

const enforcedOf = <T>(at: Path, values: ResolvedMap<T>): readonly Edit[] =>
  [...values].flatMap(([key, resolved]) =>
    resolved.mode === 'Enforce' ? [editOf(at, key, resolved, resolved.value)] : [],
  );

/** Keyed by the path of its map and its name. */
const ofField = (edit: Edit): Edit => {
  const [path = '', key = ''] = edit.key.split(' ');
  return { ...edit, at: path === '' ? edit.at : [...edit.at, ...path.split('/')], key };
};

const placesIn = (edits: readonly Edit[]): ReadonlySet<string> => new Set(edits.map(placeOf));

/** The same for every container. */
const placeOf = ({ at, key, by }: Edit): string =>
  `${(at.length === 2 ? at : at.slice(CONTAINER.length)).join('/')} ${key} ${by}`;
