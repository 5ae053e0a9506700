import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/admission/handler.ts';
import type { AdmissionRequest } from '../../../src/api/admission.ts';
import type { Facts } from '../../../src/api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StringMap } from '../../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { offlineFacts } from '../../../src/cli/described-cluster.ts';
import { verdictFor } from '../../../src/clouds/index.ts';
import { indexDefaults } from '../../../src/defaults/entries-index.ts';
import { decide } from '../../../src/kinds/index.ts';
import { desiredStorageClass } from '../../../src/kinds/persistent-volume-claim/mutator.ts';
import { platformDefaults, system } from '../../fixtures/defaults.ts';
import { policy, pvc } from '../../fixtures/storage.ts';

interface World {
  readonly defaults?: readonly PlatformDefaults[];
  readonly objects?: readonly KubeObject[];
  readonly namespaceLabels?: StringMap;
}

const factsOf = ({ defaults = [], objects = [], namespaceLabels = {} }: World = {}): Facts =>
  offlineFacts({
    cloud: verdictFor('aws', { region: { value: 'eu-west-1', source: 'test' } }, ['A test says so.']),
    csiDrivers: ['ebs.csi.aws.com'],
    defaults: indexDefaults(defaults, system),
    policy,
    namespaceLabels,
    objects,
  });

const requestFor = (object: KubeObject): AdmissionRequest => ({
  uid: 'u-1',
  operation: 'CREATE',
  resource: { group: '', version: 'v1', resource: 'persistentvolumeclaims' },
  namespace: 'team',
  object,
  dryRun: false,
  username: 'ann',
});

const admit = (object: KubeObject, world: World = {}): Decision => decide(requestFor(object), factsOf(world));

const forClaims = (name: string, spec: Parameters<typeof platformDefaults>[1]): PlatformDefaults =>
  platformDefaults(name, { ...spec, match: { kinds: ['PersistentVolumeClaim'], ...spec.match } });

const labelling = forClaims('labels', {
  inject: { labels: { team: 'data' }, annotations: { 'example.org/region': '${region}' } },
});
const enforcing = forClaims('enforced', { mode: 'Enforce', inject: { labels: { 'cost-centre': '42' } } });

const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
};

describe('a claim of a missing class in whose name nothing is read', () => {
  const longhorn = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'longhorn' },
    provisioner: 'driver.longhorn.io',
  };
  const admitAs = (unknownClass: 'make' | 'warn' | 'deny', storageClassName = 'longhron'): Decision => {
    const facts = factsOf({ objects: [longhorn] });
    return decide(requestFor(pvc({ storageClassName })), { ...facts, policy: { ...facts.policy, unknownClass } });
  };
  const why =
    'StorageClass longhron is not there, and nothing is made of a name that does not say what it is to be (UNKNOWN_CLASS). Did you mean longhorn, which is there?';

  it('gets its class, and is told of one that is there and nearly called so', () => {
    const { companions, warnings } = admitAs('make');
    expect(companions.map(({ metadata }) => metadata.name)).toEqual(['longhron']);
    expect(warnings.join()).toContain('Did you mean longhorn, which is there?');
  });

  it('gets none where UNKNOWN_CLASS is warn, and is stored', () => {
    expect(admitAs('warn')).toMatchObject({ companions: [], warnings: [why] });
    expect(admitAs('warn').denied).toBeUndefined();
  });

  it('is refused where UNKNOWN_CLASS is deny', () => {
    expect(admitAs('deny')).toMatchObject({ companions: [], denied: why });
  });

  it('is none whose name says what it is to be', () => {
    expect(admitAs('deny', 'fast-retain').companions.map(({ metadata }) => metadata.name)).toEqual(['fast-retain']);
  });
});

const disabled = { 'quartermaster.dev/inject': 'disabled' };
const existing: KubeObject = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'data' } };
const volume = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'pv-1' },
  spec: { storageClassName: 'data' },
};

describe('a claim that names a missing class', () => {
  it('is stored as it is, beside the class made for it', () => {
    const claim = frozen(pvc({}));
    const decision = admit(claim);
    expect(decision.object).toBe(claim);
    expect(decision.patch).toEqual([]);
    expect(decision.warnings).toEqual([]);
    expect(decision.companions).toMatchObject([
      { kind: 'StorageClass', metadata: { name: 'data' }, provisioner: 'ebs.csi.aws.com' },
    ]);
    expect(decision.explain).toMatchObject([{ path: '/spec/storageClassName', source: 'cloud aws' }]);
  });

  it('is admitted with a sentence where no class can be made', () => {
    const decision = admit(pvc({ accessModes: ['ReadWriteMany'] }));
    expect(decision.denied).toBeUndefined();
    expect(decision.companions).toEqual([]);
    expect(decision.warnings).toEqual([expect.stringMatching(/^StorageClass data is not made: .*efs\.csi\.aws\.com/)]);
  });

  it('gets labels and annotations of PlatformDefaults, and what they say about its class', () => {
    const shaping = forClaims('classes', { inject: { storageClass: { reclaimPolicy: 'Retain' } } });
    const claim = frozen(pvc({}));
    const { object, patch, companions, explain } = admit(claim, { defaults: [labelling, shaping] });
    expect(object.metadata.labels).toEqual({ team: 'data' });
    expect(object.metadata.annotations).toMatchObject({ 'example.org/region': 'eu-west-1' });
    expect(companions).toMatchObject([{ reclaimPolicy: 'Retain', provisioner: 'ebs.csi.aws.com' }]);
    expect(explain.map(({ source }) => source)).toContain('PlatformDefaults quartermaster-system/classes@1');
    expect(jsonpatch.apply_patch(claim, [...patch])).toEqual(object);
  });

  it('comes out the same when it is admitted again', () => {
    const world = { defaults: [labelling, enforcing] };
    const once = admit(pvc({}), world);
    const twice = admit(frozen(once.object), world);
    expect(twice.object).toBe(once.object);
    expect(twice.companions).toEqual(once.companions);
  });
});

describe('a claim that is left alone, byte for byte', () => {
  it.each<readonly [string, PersistentVolumeClaim, World]>([
    ['names no class', { ...pvc({}), spec: { accessModes: ['ReadWriteOnce'] } }, {}],
    ['asks for no class', pvc({ storageClassName: '' }), {}],
    ['names its volume', pvc({ volumeName: 'pv-1' }), {}],
    ['selects its volume', pvc({ selector: { matchLabels: { a: 'b' } } }), {}],
    ['names the class of a volume that is there', pvc({}), { objects: [volume] }],
  ])('because it %s, whatever is given by default', (_, claim, world) => {
    const decision = admit(frozen(claim), { ...world, defaults: [labelling] });
    expect(decision).toEqual({ object: claim, patch: [], warnings: [], explain: [], companions: [] });
    expect(decision.object).toBe(claim);
  });

  it.each<readonly [string, PersistentVolumeClaim, World]>([
    ['the class exists', pvc({}), { objects: [existing] }],
    ['it says so', { ...pvc({}), metadata: { name: 'data', labels: disabled } }, {}],
    ['its namespace says so', pvc({}), { namespaceLabels: disabled }],
  ])('because %s and nothing is enforced', (_, claim, world) => {
    const decision = admit(frozen(claim), world);
    expect(decision).toEqual({ object: claim, patch: [], warnings: [], explain: [], companions: [] });
  });

  it.each<readonly [string, unknown]>([
    ['spec', 'text'],
    ['spec', { accessModes: 'ReadWriteOnce', storageClassName: 7 }],
    ['spec', { accessModes: [null, {}], storageClassName: 'data' }],
    ['metadata', { name: 'data', annotations: ['a'], labels: 3 }],
  ])('because its %s is %j, which the API server will refuse', (field, value) => {
    const claim = frozen({ ...pvc({}), [field]: value, ...(field === 'metadata' && { spec: null }) });
    expect(admit(claim)).toEqual({ object: claim, patch: [], warnings: [], explain: [], companions: [] });
  });

  it('on any other operation than CREATE', () => {
    const claim = pvc({});
    const decision = decide({ ...requestFor(claim), operation: 'UPDATE', oldObject: claim }, factsOf());
    expect(decision.companions).toEqual([]);
  });
});

describe('a claim that names an existing class', () => {
  it('gets labels and annotations, and no class', () => {
    const { object, companions } = admit(pvc({}), { objects: [existing], defaults: [labelling] });
    expect(object.metadata.labels).toEqual({ team: 'data' });
    expect(companions).toEqual([]);
  });
});

describe('a claim that opted out', () => {
  it.each<readonly [string, PersistentVolumeClaim, World]>([
    ['itself', { ...pvc({}), metadata: { name: 'data', labels: disabled } }, {}],
    ['by its namespace', pvc({}), { namespaceLabels: disabled }],
  ])('%s gets what is enforced, is told so, and gets no class', (_, claim, world) => {
    const { object, warnings, companions } = admit(claim, { ...world, defaults: [labelling, enforcing] });
    expect(object.metadata.labels).toMatchObject({ 'cost-centre': '42' });
    expect(object.metadata.labels).not.toHaveProperty('team');
    expect(warnings).toEqual([expect.stringMatching(/inject: disabled is set.*enforced/)]);
    expect(companions).toEqual([]);
  });
});

describe('desiredStorageClass', () => {
  it('decides about a stored claim as admission would have', () => {
    const choice = desiredStorageClass(pvc({}), factsOf());
    expect(choice.kind === 'make' && [choice.storageClass]).toEqual(admit(pvc({})).companions);
  });

  it('does nothing for a claim that is bound, and for one that opted out', () => {
    expect(desiredStorageClass(pvc({ volumeName: 'pv-1' }), factsOf()).kind).toBe('none');
    expect(desiredStorageClass(pvc({}), factsOf({ namespaceLabels: disabled })).kind).toBe('none');
  });
});
