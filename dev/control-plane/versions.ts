/** What users run: the oldest version that is supported and the newest one, each as the Go module proxy serves it. */
export const supported = { oldest: '1.34.4', newest: '1.37.2' } as const;

/** The etcd that stands behind each of them. */
export const etcdVersion = '3.7.3';

/**
 * The Kubernetes version to run on, from KUBERNETES_VERSION: `oldest`, `newest` (also where it is not set) or a whole
 * version such as 1.35.4. Throws where it is anything else.
 */
export function wantedVersion({ KUBERNETES_VERSION: named }: NodeJS.ProcessEnv): string {
  if (!named || named === 'newest') return supported.newest;
  if (named === 'oldest') return supported.oldest;
  const [, version] = /^v?(1\.\d+\.\d+)$/.exec(named) ?? [];
  if (version !== undefined) return version;
  throw new Error(`KUBERNETES_VERSION is ${named}: give oldest, newest, or a whole version such as 1.35.4.`);
}

/** The minor of a version: `1.37` of 1.37.2. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
