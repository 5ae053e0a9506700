import type { KubeObject } from '../../api/kubernetes.ts';
import { type FieldPath, holdsAt } from '../edit.ts';
import { listAt } from '../path.ts';

/**
 * What an earlier admission put into a pod, where it is by now: it was written down by the places of containers, and another
 * webhook may have put some before them since. The very same where nothing shows that they moved.
 */
export const followContainers = (pod: KubeObject, recorded: readonly FieldPath[]): readonly FieldPath[] => {
  if (recorded.every((field) => !isInContainer(field) || holdsAt(pod, field))) return recorded;
  const places = new Map(LISTS.map((list) => [list, placesIn(pod, list, recorded)]));
  return recorded.map((field) => {
    const place = places.get(field.at[1] ?? '')?.get(field.at[2] ?? '');
    return place === undefined ? field : movedTo(place, field);
  });
};

const LISTS: readonly string[] = ['containers', 'initContainers'];

const isInContainer = ({ at }: FieldPath): boolean => at.length > 2 && at[0] === 'spec' && LISTS.includes(at[1] ?? '');

/** In their order, each the first that holds all that is written down of it; none where one of them is nowhere. */
const placesIn = (
  pod: KubeObject,
  list: string,
  recorded: readonly FieldPath[],
): ReadonlyMap<string, number> | undefined => {
  const ofList = recorded.filter((field) => isInContainer(field) && field.at[1] === list);
  const byPlace = [...Map.groupBy(ofList, ({ at }) => at[2] ?? '')].toSorted(
    ([one], [other]) => Number(one) - Number(other),
  );
  const { length } = listAt(pod, ['spec', list]);
  const places = new Map<string, number>();
  let next = 0;
  for (const [place, fields] of byPlace) {
    next = Math.max(next, Number(place));
    while (next < length && !fields.every((field) => holdsAt(pod, movedTo(next, field)))) next += 1;
    if (next >= length) return undefined;
    places.set(place, next);
    next += 1;
  }
  return places;
};

const movedTo = (place: number, { at, key }: FieldPath): FieldPath => ({
  at: at.map((step, index) => (index === 2 ? String(place) : step)),
  key,
});
