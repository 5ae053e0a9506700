import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { mapAt, textAt } from '../../injection/path.ts';

const CONF = ['spec', 'sparkConf'];

/**
 * A sparkConf value as it will be: what is enforced, else the app's, else the default. What is decided from it comes out
 * the same for an app that was injected before.
 */
export const confOf = (app: KubeObject, injection: Injection | undefined, key: string): string | undefined => {
  const given = injection?.sparkConf.get(key);
  return given?.mode === 'Enforce' ? given.value : (textAt(app, [...CONF, key]) ?? given?.value);
};

/** Every key of Hadoop's configuration that the app has or is to get, from either of its two fields. */
export const hadoopKeys = (app: KubeObject, injection: Injection): readonly string[] => [
  ...Object.keys(mapAt(app, ['spec', 'hadoopConf'])),
  ...injection.hadoopConf.keys(),
  ...[...Object.keys(mapAt(app, CONF)), ...injection.sparkConf.keys()].map((key) =>
    key.replace(/^spark\.hadoop\./, ''),
  ),
];
