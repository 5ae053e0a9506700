/** By which names what becomes of PlatformDefaults is counted: tenants make as many as they like. */
export interface CountedNames {
  /** The name itself (`<namespace>/<name>`), or `other` where there is no room for it. */
  readonly of: (name: string) => string;
  /** For one that is gone. */
  readonly forget: (name: string) => void;
}

/** What all share for which there is no room. */
export const OTHER = 'other';

const MAX_NAMES = 200;
/** So that no tenant takes the names of all others. */
const MAX_OF_ONE = 100;

/** Those in the namespace `platform` have names of their own, however many tenants have. */
export const createCountedNames = (platform: string): CountedNames => {
  const names = new Set<string>();
  const ofNamespace = new Map<string, number>();
  const count = (namespace: string): number => ofNamespace.get(namespace) ?? 0;
  return {
    of: (name) => {
      const namespace = namespaceOf(name);
      if (namespace === platform || names.has(name)) return name;
      if (names.size >= MAX_NAMES || count(namespace) >= MAX_OF_ONE) return OTHER;
      names.add(name);
      ofNamespace.set(namespace, count(namespace) + 1);
      return name;
    },
    forget: (name) => {
      const namespace = namespaceOf(name);
      if (!names.delete(name)) return;
      if (count(namespace) === 1) ofNamespace.delete(namespace);
      else ofNamespace.set(namespace, count(namespace) - 1);
    },
  };
};

/** Of `<namespace>/<name>`. */
export const namespaceOf = (name: string): string => name.slice(0, name.indexOf('/'));
