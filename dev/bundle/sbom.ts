import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What is read here of CycloneDX. */
export interface Sbom {
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

interface Component {
  /** `name@version` */
  readonly 'bom-ref': string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** What of package-lock.json (lockfileVersion 3) is read here. */
interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>;
}

const LIMIT_MS = 120_000;
const DEVELOPMENT = 'cdx:npm:package:development';

/** An SBOM of all packages without those that package-lock.json has for development alone. */
export const shippedOf = <T extends Sbom>(whole: T, lock: string): T => {
  const shipped = shippedPackages(lock);
  const components = whole.components.filter((component) => shipped.has(component['bom-ref'])).map(unmarked);
  const [root, ...others] = whole.dependencies;
  const dependencies = [root, ...others.filter(({ ref }) => shipped.has(ref))].flatMap((one) =>
    one === undefined ? [] : [{ ...one, dependsOn: (one.dependsOn ?? []).filter((ref) => shipped.has(ref)) }],
  );
  return { ...whole, components, dependencies };
};

const shippedPackages = (lock: string): ReadonlySet<string> => {
  const { packages } = JSON.parse(lock) as Lock;
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  return new Set(shipped.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`));
};

/** npm lists a package that is there twice once, and marks it by the copy that it came upon first. */
const unmarked = (component: Component): Component => ({
  ...component,
  ...(component.properties && { properties: component.properties.filter(({ name }) => name !== DEVELOPMENT) }),
});

/** As CycloneDX: what is shipped of the folder we are in. `npm sbom --omit=dev` also omits what any package wants for its own development. */
const printSbom = async (): Promise<void> => {
  const options = { timeout: LIMIT_MS, maxBuffer: 2 ** 27 };
  const { stdout } = await promisify(execFile)('npm', ['sbom', '--sbom-format=cyclonedx'], options);
  const shipped = shippedOf(JSON.parse(stdout) as Sbom, await readFile('package-lock.json', 'utf8'));
  process.stdout.write(`${JSON.stringify(shipped, null, 2)}\n`);
};

if (import.meta.main) await printSbom();
