import type { Injection, Resolved, ResolvedMap } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editOf } from '../edit.ts';
import { memoize } from '../memo.ts';
import { listAt, textAt } from '../path.ts';

/** Images from elsewhere, of every container there is: each as its whole name says, and as it stays however often it is asked. */
export const imageEdits = (pod: KubeObject, { imageRegistries }: Injection): readonly Edit[] => {
  if (imageRegistries.size === 0) return NONE;
  const ranks = ranksOf(imageRegistries);
  return ['containers', 'initContainers'].flatMap((list) =>
    listAt(pod, ['spec', list]).flatMap((container, index) => {
      const placed = placeOf(textAt(container, ['image']) ?? '', ranks);
      return placed.by === undefined ? [] : [editOf(['spec', list, String(index)], 'image', placed.by, placed.image)];
    }),
  );
};

const NONE: readonly Edit[] = [];

/** One beginning of images' names. Of `from` and `ends` the registry is spelt as `registryOf` spells it. */
interface Registry {
  readonly from: string;
  readonly to: string;
  /** What `to` comes to. */
  readonly ends: string;
  readonly resolved: Resolved<string>;
}

/** Those of the system namespace, or of another, the longest first by what images begin with before, and after. */
interface Rank {
  readonly from: readonly Registry[];
  readonly ends: readonly Registry[];
}

/** The platform's before those of a namespace, which must not lead an image off where the platform has it. */
const ranksOf = (imageRegistries: ResolvedMap<string>): readonly Rank[] =>
  memoize(imageRegistries, ranksOf, '', () => {
    const all = [...imageRegistries].map(([from, resolved]) => {
      const { value: to } = resolved;
      return { from: withRegistry(from), to, ends: withRegistry(to), resolved };
    });
    // They come best first, so that what the system namespace has is before all else.
    return [...Map.groupBy(all, ({ resolved }) => resolved.source.namespace).values()].map((registries) => ({
      from: registries.toSorted((one, other) => other.from.length - one.from.length),
      ends: registries.toSorted((one, other) => other.ends.length - one.ends.length),
    }));
  });

const withRegistry = (beginning: string): string => beginning.replace(/^[^/]+/, registryOf);

interface Placed {
  readonly image: string;
  readonly by: Resolved<string> | undefined;
}

/** Where an image is in the end. What a namespace's own come to is looked at with the platform's alone after that. */
const placeOf = (own: string, ranks: readonly Rank[]): Placed => {
  const image = ranks.reduceRight((now, _, rank) => follow(now, ranks.slice(0, rank + 1)), own);
  const names = namesOf(image);
  const found = ranks.flatMap((rank) => longestIn(rank, 'ends', names) ?? longestIn(rank, 'from', names) ?? []);
  return { image, by: found[0]?.registry.resolved };
};

/** So often an image is moved on at most: a tenant makes as long a chain as they like. */
const MAX_MOVES = 4;

const follow = (own: string, ranks: readonly Rank[]): string => {
  let image = own;
  for (let moves = 0; moves <= MAX_MOVES; moves += 1) {
    const next = moved(image, ranks) ?? image;
    if (next === image) return image;
    image = next;
  }
  // They lead in a circle: where one of them leads is the end.
  const isLedThere = ranks.some((rank) => longestIn(rank, 'ends', namesOf(own)) !== undefined);
  return isLedThere ? own : (moved(own, ranks) ?? own);
};

/**
 * Undefined for what stays: nothing moves it, or the best that knows its place says that it is there. That another moves images
 * to where it is says nothing, so that what leads from one to the next leads to the end.
 */
const moved = (image: string, ranks: readonly Rank[]): string | undefined => {
  const names = namesOf(image);
  for (const rank of ranks) {
    const found = longestIn(rank, 'from', names);
    if (found !== undefined) return movedBy(found);
    if (longestIn(rank, 'ends', names) !== undefined) return undefined;
  }
  return undefined;
};

const movedBy = ({ registry: { from, to, ends }, name }: Found): string | undefined => {
  if (ends.length > from.length && name.startsWith(ends)) return undefined;
  // It would move what is below itself once more: all of that goes at once.
  const below = from.startsWith(ends) ? from.slice(ends.length) : '';
  let path = name.slice(from.length);
  while (below !== '' && path.startsWith(below)) path = path.slice(below.length);
  return `${to}${path}`;
};

interface Found {
  readonly registry: Registry;
  /** The name of the image that begins so. */
  readonly name: string;
}

const longestIn = (rank: Rank, part: 'from' | 'ends', names: readonly string[]): Found | undefined => {
  for (const name of names) {
    const registry = rank[part].find((one) => name.startsWith(one[part]));
    if (registry !== undefined) return { registry, name };
  }
  return undefined;
};

/** An image's whole name, and as it is written. */
const namesOf = (image: string): readonly string[] => [wholeName(image), image];

/**
 * As container runtimes read it: `nginx` is `docker.io/library/nginx`, and so it is where its registry is spelt otherwise. No
 * repository has capital letters, so that what has some before a slash is a host (splitDockerDomain of distribution/reference).
 */
const wholeName = (image: string): string => {
  const [first = '', ...others] = image.split('/');
  if (image === '') return '';
  const isRegistry = others.length > 0 && (/[.:A-Z]/.test(first) || first === 'localhost');
  const registry = isRegistry ? registryOf(first) : DOCKER_HUB;
  const path = isRegistry ? others : [first, ...others];
  return [registry, ...(registry === DOCKER_HUB && path.length === 1 ? ['library'] : []), ...path].join('/');
};

const DOCKER_HUB = 'docker.io';

/** Names of hosts know no case, ports may begin with zeros, 443 is where registries are asked, and one address has many spellings. */
const registryOf = (host: string): string => {
  const name = PLAIN_HOST.test(host) ? host : (URL.parse(`https://${host}`)?.host ?? host.toLowerCase());
  return NAMES_OF_DOCKER_HUB.has(name) ? DOCKER_HUB : name;
};

const PLAIN_HOST = /^[a-z][a-z0-9.-]*$/;
const NAMES_OF_DOCKER_HUB: ReadonlySet<string> = new Set([
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
]);
