import type { Injection } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { mapAt, textAt } from './tree.ts';

const CONF = ['spec', 'sparkConf'];

/**
 * A sparkConf value as it will be: the app's, else the one to be injected. What is decided from it comes out the same
 * for an app that was injected before.
 */
export const confOf = (app: KubeObject, injection: Injection | undefined, key: string): string | undefined =>
  textAt(app, [...CONF, key]) ?? injection?.sparkConf.get(key)?.value;

/** Every key of Hadoop's configuration that the app has or is to be given, from either of its two places. */
export const hadoopKeys = (app: KubeObject, injection: Injection): readonly string[] => [
  ...Object.keys(mapAt(app, ['spec', 'hadoopConf'])),
  ...injection.hadoopConf.keys(),
  ...[...Object.keys(mapAt(app, CONF)), ...injection.sparkConf.keys()].map((key) =>
    key.replace(/^spark\.hadoop\./, ''),
  ),
];
