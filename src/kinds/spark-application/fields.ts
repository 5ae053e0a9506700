import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type FieldPath, keysIn } from '../../injection/edit.ts';
import { type Incremental, memoize } from '../../injection/memo.ts';
import { listAt, mapAt, type Path, textAt } from '../../injection/path.ts';

export type Role = 'driver' | 'executor';
export const ROLES: readonly Role[] = ['driver', 'executor'];

export const SPARK_CONF: Path = ['spec', 'sparkConf'];
/** The lists of a role that mount something: one path, one mount, whichever of them names it. */
export const MOUNT_LISTS = ['volumeMounts', 'configMaps', 'secrets'];

/** A key of sparkConf. */
export const sparkConfField = (key: string): FieldPath => ({ at: SPARK_CONF, key });

/** An entry of a list in each container of a role's pod template that has it. */
export const inTemplateContainers = (app: KubeObject, role: Role, list: string, key: string): readonly FieldPath[] => {
  const at = ['spec', role, 'template', 'spec', 'containers'];
  const containers = listAt(app, at);
  if (containers.length === 0) return [];
  const { byKey } = memoize(containers, inTemplateContainers, list, () => indexContainers(containers, list));
  return (byKey.get(key) ?? []).map((index) => ({ at: [...at, String(index), list], key }));
};

interface ContainerIndex extends Incremental {
  /** Indices of the containers whose list has an entry by that key. */
  readonly byKey: ReadonlyMap<string, readonly number[]>;
}

/** Nothing of ours is put into templates. What is taken out of them stays indexed: whoever follows a field path looks what is there. */
const indexContainers = (containers: readonly unknown[], list: string): ContainerIndex => {
  const byKey = new Map<string, number[]>();
  const keyOf = keysIn([list]);
  for (const [index, container] of containers.entries()) {
    for (const key of new Set(listAt(container, [list]).map(keyOf))) {
      if (key === undefined) continue;
      const found = byKey.get(key);
      if (found === undefined) byKey.set(key, [index]);
      else found.push(index);
    }
  }
  return { byKey, onChange: () => undefined };
};

/** Every field but `env` that gives a variable to a role's pod. */
export const variableFields = (name: string, role: Role): readonly FieldPath[] => [
  { at: ['spec', role, 'envVars'], key: name },
  { at: ['spec', role, 'envSecretKeyRefs'], key: name },
  sparkConfField(role === 'driver' ? `spark.kubernetes.driverEnv.${name}` : `spark.executorEnv.${name}`),
  sparkConfField(`spark.kubernetes.${role}.secretKeyRef.${name}`),
];

/**
 * A sparkConf value as it will be: what is enforced, else the app's, else the default. What is decided from it comes out
 * the same for an app that was injected before.
 */
export const confOf = (app: KubeObject, injection: Injection | undefined, key: string): string | undefined => {
  const given = injection?.sparkConf.get(key);
  return given?.mode === 'Enforce' ? given.value : (textAt(app, [...SPARK_CONF, key]) ?? given?.value);
};

/** Every key of Hadoop's configuration that the app has or is to get, from either of its two fields. */
export const hadoopKeys = (app: KubeObject, injection: Injection): readonly string[] => [
  ...Object.keys(mapAt(app, ['spec', 'hadoopConf'])),
  ...injection.hadoopConf.keys(),
  ...[...Object.keys(mapAt(app, SPARK_CONF)), ...injection.sparkConf.keys()].map((key) =>
    key.replace(/^spark\.hadoop\./, ''),
  ),
];
