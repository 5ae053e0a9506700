import type { Edit } from '../edit.ts';
import { listAt, mapAt, readAt, textAt, type UnknownRecord } from '../path.ts';

/** Why a container must not have it beside what is said: the API server would refuse the two, or the kubelet never start them. */
export const containerSecurityRefusal = (
  own: UnknownRecord,
  ofPod: UnknownRecord,
  { key, value, mode }: Edit,
): string | undefined => {
  switch (key) {
    case 'allowPrivilegeEscalation':
      return value === false ? privilegeOf(own) : undefined;
    case 'privileged':
    case 'capabilities':
      return own['allowPrivilegeEscalation'] === false && privilegeOf({ [key]: value }) !== undefined
        ? 'the container says allowPrivilegeEscalation: false'
        : undefined;
    case 'runAsNonRoot':
    case 'runAsUser':
      return mode === 'Default' && isNeverStarted({ ...own, [key]: value }, ofPod) ? rootReason(key, '') : undefined;
    default:
      return undefined;
  }
};

/** The same of what holds for all containers that say nothing themselves. What the pod says beside its contexts is `spec`. */
export const podSecurityRefusal = (
  { ofPod, containers, spec }: PodSecurity,
  { key, value, mode }: Edit,
): string | undefined => {
  if (key === 'sysctls') return listAt(value, []).map(sysctlRefusal(spec)).find(isSaid);
  if (mode === 'Enforce' || !(key === 'runAsNonRoot' ? value === true : key === 'runAsUser' && value === 0)) {
    return undefined;
  }
  const given = { ...ofPod, [key]: value };
  const root = containers.find((container) => {
    const own = mapAt(container, CONTEXT);
    return (own[key] ?? undefined) === undefined && isNeverStarted(own, given);
  });
  return root === undefined ? undefined : rootReason(key, textAt(root, ['name']) ?? '');
};

export interface PodSecurity {
  readonly ofPod: UnknownRecord;
  readonly containers: readonly unknown[];
  readonly spec: UnknownRecord;
}

const CONTEXT = ['securityContext'];

const privilegeOf = (own: UnknownRecord): string | undefined => {
  if (own['privileged'] === true) return 'the container is privileged';
  return listAt(own, ['capabilities', 'add']).includes('CAP_SYS_ADMIN')
    ? 'the container adds CAP_SYS_ADMIN'
    : undefined;
};

/** What the kubelet looks at before it starts a container. What is enforced is given all the same: it is what the kubelet then holds. */
const isNeverStarted = (own: UnknownRecord, ofPod: UnknownRecord): boolean =>
  (own['runAsNonRoot'] ?? ofPod['runAsNonRoot']) === true && (own['runAsUser'] ?? ofPod['runAsUser']) === 0;

const rootReason = (key: string, container: string): string => {
  const who = `the container${container === '' ? '' : ` ${container}`}`;
  return key === 'runAsNonRoot' ? `${who} is to run as root` : `${who} is not to run as root`;
};

const isSaid = (why: string | undefined): boolean => why !== undefined;

/** Those of the node's own network and memory are the node's. */
const sysctlRefusal =
  (spec: UnknownRecord) =>
  (sysctl: unknown): string | undefined => {
    const name = (textAt(sysctl, ['name']) ?? '').replaceAll('/', '.');
    const field = name.startsWith('net.') ? 'hostNetwork' : OF_IPC.test(name) ? 'hostIPC' : undefined;
    return field !== undefined && spec[field] === true
      ? `the pod says ${field}, and ${name} is the node's then`
      : undefined;
  };

const OF_IPC = /^(kernel\.(sem$|shm|msg)|fs\.mqueue\.)/;

/** The annotations by which profiles were said before: of a container, or of the pod. */
const ANNOTATIONS: Readonly<Record<string, string>> = {
  appArmorProfile: 'container.apparmor.security.beta.kubernetes.io/',
  seccompProfile: 'container.seccomp.security.alpha.kubernetes.io/',
};
const SECCOMP_OF_POD = 'seccomp.security.alpha.kubernetes.io/pod';

/** Why a profile cannot be given to some containers: the API server wants a field and an annotation to say the same. */
export const profileRefusal = (
  annotations: UnknownRecord,
  containers: readonly unknown[],
  { at, key, value }: Edit,
): string | undefined => {
  const prefix = Object.hasOwn(ANNOTATIONS, key) ? ANNOTATIONS[key] : undefined;
  if (prefix === undefined) return undefined;
  const isSeccompOfPod = key === 'seccompProfile' && at.length === 2;
  const names = isSeccompOfPod
    ? [SECCOMP_OF_POD]
    : containers
        .filter((container) => (readAt(container, [...CONTEXT, key]) ?? undefined) === undefined || at.length > 2)
        .map((container) => `${prefix}${textAt(container, ['name']) ?? ''}`);
  const other = names.find((name) => Object.hasOwn(annotations, name) && !spellingsOf(value).has(annotations[name]));
  return other === undefined ? undefined : `the annotation ${other} says another`;
};

const spellingsOf = (profile: unknown): ReadonlySet<unknown> => {
  switch (textAt(profile, ['type']) ?? '') {
    case 'Unconfined':
      return new Set(['unconfined']);
    case 'RuntimeDefault':
      return new Set(['runtime/default', 'docker/default']);
    default:
      return new Set([`localhost/${textAt(profile, ['localhostProfile']) ?? ''}`]);
  }
};
