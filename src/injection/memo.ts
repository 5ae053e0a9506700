/** Places are few, but whoever submits an object chooses some of them (the index of a container). */
const MOST_PLACES = 32;

type Places = Map<string, unknown>;

const known = new WeakMap<object, Map<object, Places>>();

/** What a maker makes of a source for one place: made once, and forgotten with its source or when there are too many places. */
export const remember = <T>(source: object, maker: object, place: string, make: () => T): T => {
  const places = placesOf(source, maker);
  // Only this very maker puts anything here.
  const held = places.get(place) as T | undefined;
  if (held !== undefined) return held;
  if (places.size === MOST_PLACES) places.clear();
  const made = make();
  places.set(place, made);
  return made;
};

/** What need not be made anew where a field of its source changes. */
export interface Growing {
  readonly isChanged: (key: string) => void;
}

/** To be told of a field that is changed in place, and of what is put into a list; not of what is taken out of one. */
export const changed = (source: object, key: string): void => {
  for (const places of known.get(source)?.values() ?? [])
    for (const [place, made] of places)
      if (isGrowing(made)) made.isChanged(key);
      else places.delete(place);
};

const isGrowing = (made: unknown): made is Growing => typeof made === 'object' && made !== null && 'isChanged' in made;

const placesOf = (source: object, maker: object): Places => {
  const places = known.get(source)?.get(maker);
  if (places !== undefined) return places;
  const made: Places = new Map();
  known.set(source, (known.get(source) ?? new Map<object, Places>()).set(maker, made));
  return made;
};
