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

/** To be told of whatever is changed in place. */
export const forget = (source: object): void => void known.delete(source);

const placesOf = (source: object, maker: object): Places => {
  const places = known.get(source)?.get(maker);
  if (places !== undefined) return places;
  const made: Places = new Map();
  known.set(source, (known.get(source) ?? new Map<object, Places>()).set(maker, made));
  return made;
};
