import type { KubeObject } from '../api/kubernetes.ts';
import { keysIn, type Spot } from './edit.ts';
import { listAt, type Path } from './tree.ts';

export type Role = 'driver' | 'executor';
export const ROLES: readonly Role[] = ['driver', 'executor'];

export const SPARK_CONF: Path = ['spec', 'sparkConf'];
/** The lists of a role that mount something: one path, one mount, whichever of them names it. */
export const MOUNT_LISTS = ['volumeMounts', 'configMaps', 'secrets'];

/** A key of sparkConf. */
export const conf = (key: string): Spot => ({ at: SPARK_CONF, key });

/** An entry of a list in each container of a role's pod template that has it. */
export const inTemplateContainers = (app: KubeObject, role: Role, list: string, key: string): readonly Spot[] => {
  const containers = ['spec', role, 'template', 'spec', 'containers'];
  const keyOf = keysIn([list]);
  return listAt(app, containers).flatMap((container, index) =>
    listAt(container, [list]).some((item) => keyOf(item) === key)
      ? [{ at: [...containers, String(index), list], key }]
      : [],
  );
};

/** Every place but `env` that gives a variable to a role's pod. */
export const variableSpots = (name: string, role: Role): readonly Spot[] => [
  { at: ['spec', role, 'envVars'], key: name },
  { at: ['spec', role, 'envSecretKeyRefs'], key: name },
  conf(role === 'driver' ? `spark.kubernetes.driverEnv.${name}` : `spark.executorEnv.${name}`),
  conf(`spark.kubernetes.${role}.secretKeyRef.${name}`),
];
