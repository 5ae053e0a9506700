/** What of package-lock.json (lockfileVersion 3) is read here. */
interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly license?: string; readonly dev?: boolean }>
  >;
}

/** Every package that goes into the image, as `name@version`, by the licence its authors name; sorted, each once. */
export const licencesOf = (lock: string): ReadonlyMap<string, readonly string[]> => {
  const { packages } = JSON.parse(lock) as Lock;
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  const named = shipped.map(([path, { version, license = 'none named' }]) => ({
    name: `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`,
    license,
  }));
  const byLicence = Map.groupBy(named, ({ license }) => license);
  return new Map([...byLicence].map(([licence, list]) => [licence, unique(list.map(({ name }) => name))]));
};

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();
