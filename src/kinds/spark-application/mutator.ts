import type { Facts } from '../../api/facts.ts';
import type { FileMount, Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editOf, editsOf, envFromEdits, type FieldPath } from '../../injection/edit.ts';
import { memoize } from '../../injection/memo.ts';
import { isRecord, type Path, readAt } from '../../injection/path.ts';
import { eventLogEdits, type Proposal } from './event-log.ts';
import { ROLES, type Role } from './fields.ts';
import { MONITORING, monitoringEdits, PROMETHEUS } from './monitoring.ts';

export interface SparkContext {
  readonly namespace: string;
  readonly facts: Facts;
  /** Tells what an earlier admission put there. */
  readonly isOurs: (path: FieldPath) => boolean;
}

/**
 * All that an injection has for a SparkApplication. Comes out the same for an app that was injected before. A role that
 * the app does not have is not made up.
 */
export const sparkEdits = (app: KubeObject, injection: Injection, context: SparkContext): Proposal => {
  const { namespace, facts, isOurs } = context;
  const monitoring = monitoringEdits(app, injection, isOurs);
  const eventLog = eventLogEdits(app, injection, namespace, facts);
  const roles = ROLES.filter((role) => isRecord(readAt(app, ['spec', role])));
  const owners = selectorOwners(app, roles);
  const make = (): readonly Edit[] => [
    ...sparkConfEdits(injection),
    ...eventLog.edits,
    ...roles.flatMap((role) => roleEdits(role, injection)),
    ...monitoring.edits.filter(({ at }) => isUsable(at, roles)),
    ...editsOf(['spec', 'volumes'], injection.volumes),
    ...owners.flatMap((owner) => editsOf([...owner, 'nodeSelector'], injection.nodeSelector)),
    ...editsOf(['spec', 'imagePullSecrets'], injection.imagePullSecrets),
  ];
  const isAlike = eventLog.edits.length === 0 && monitoring.edits.length === 0;
  return {
    edits: isAlike ? memoize(injection, sparkEdits, `${roles.join()} ${owners.join()}`, make) : make(),
    warnings: [...eventLog.warnings, ...monitoring.warnings],
  };
};

/** What SparkConnect has in common with SparkApplication. */
export const sparkConfEdits = ({ sparkConf, hadoopConf }: Injection): readonly Edit[] => [
  ...editsOf(['spec', 'sparkConf'], sparkConf),
  ...editsOf(['spec', 'hadoopConf'], hadoopConf),
];

const roleEdits = (role: Role, injection: Injection): readonly Edit[] => {
  const at = (field: string): Path => ['spec', role, field];
  const { serviceAccountName: account } = injection;
  return [
    ...editsOf(at('volumeMounts'), injection.volumeMounts),
    ...editsOf(at('configMaps'), injection.configMaps, asConfigMap),
    ...editsOf(at('secrets'), injection.secrets, asSecret),
    ...editsOf(at('env'), injection.env),
    ...envFromEdits(at('envFrom'), injection.envFrom),
    ...editsOf(at('labels'), injection.labels),
    ...editsOf(at('annotations'), injection.annotations),
    ...editsOf(at('tolerations'), injection.tolerations),
    // Executors need no rights of their own: the account is the one that the driver makes them with.
    ...(account && role === 'driver' ? [editOf(['spec', role], 'serviceAccount', account, account.value)] : []),
  ];
};

const asConfigMap = ({ name, mountPath }: FileMount) => ({ name, path: mountPath });
const asSecret = ({ name, mountPath }: FileMount) => ({ name, path: mountPath, secretType: 'Generic' });

/** The operator refuses an app with a node selector of its own beside one of a role: ours goes where the app has one. */
const selectorOwners = (app: KubeObject, roles: readonly Role[]): readonly Path[] => {
  const hasNodeSelector = (path: Path): boolean => isRecord(readAt(app, [...path, 'nodeSelector']));
  const isByRole = !hasNodeSelector(['spec']) && roles.some((role) => hasNodeSelector(['spec', role]));
  return isByRole ? roles.map((role) => ['spec', role]) : [['spec']];
};

const isUsable = (at: Path, roles: readonly Role[]): boolean =>
  at[1] === 'driver' || at[1] === 'executor' ? roles.includes(at[1]) : true;

const ROLE_FIELDS = [
  'volumeMounts',
  'configMaps',
  'secrets',
  'env',
  'envFrom',
  'labels',
  'annotations',
  'tolerations',
  'nodeSelector',
];

/** Every path at which anything is put, as a snapshot has it. */
export const SPARK_PATHS: ReadonlySet<string> = new Set(
  [
    ...['sparkConf', 'hadoopConf', 'volumes', 'nodeSelector', 'imagePullSecrets', 'driver'].map((field) => [
      'spec',
      field,
    ]),
    MONITORING,
    PROMETHEUS,
    ...ROLES.flatMap((role) => ROLE_FIELDS.map((field) => ['spec', role, field])),
  ].map((path) => path.join('/')),
);
