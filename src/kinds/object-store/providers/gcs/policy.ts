/** The roles that a workload is given. */
export type Role = 'roles/storage.objectUser' | 'roles/storage.objectViewer';

const OURS: readonly string[] = ['roles/storage.objectUser', 'roles/storage.objectViewer'] satisfies readonly Role[];

interface Binding {
  readonly role: string;
  readonly members: readonly string[];
  readonly condition?: unknown;
}

/** The policy of a bucket, version 3, which has conditions; all else that Google answers with it is kept. */
export interface BucketPolicy {
  readonly bindings: readonly Binding[];
}

/** Throws Error where the answer is no policy. */
export const policyIn = (answer: Readonly<Record<string, unknown>>): BucketPolicy => {
  const { bindings = [] } = answer;
  if (Array.isArray(bindings) && bindings.every(isBinding)) return { ...answer, bindings };
  throw new Error('the answer is no policy');
};

const isBinding = (value: unknown): value is Binding =>
  typeof value === 'object' && value !== null && 'role' in value && 'members' in value && Array.isArray(value.members);

/** Whether a member has this role and no other of ours; undefined: whether it has none. */
export const hasRole = ({ bindings }: BucketPolicy, member: string, role: Role | undefined): boolean => {
  const given = bindings.filter((binding) => isOurs(binding) && binding.members.includes(member));
  return given.length === (role === undefined ? 0 : 1) && given.every((binding) => binding.role === role);
};

/** The policy with the member in this role and in no other of ours. What others bound, and under which conditions, stays. */
export const withRole = (policy: BucketPolicy, member: string, role: Role | undefined): BucketPolicy => {
  const isThere = policy.bindings.some((binding) => isOurs(binding) && binding.role === role);
  const bindings = role === undefined || isThere ? policy.bindings : [...policy.bindings, { role, members: [] }];
  const changed = bindings.map((binding) => {
    if (!isOurs(binding)) return binding;
    const others = binding.members.filter((each) => each !== member);
    return { ...binding, members: binding.role === role ? [...others, member] : others };
  });
  return { ...policy, bindings: changed.filter(({ members }) => members.length > 0) };
};

const isOurs = ({ role, condition }: Binding): boolean => condition === undefined && OURS.includes(role);
