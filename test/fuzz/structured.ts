import type { KubeObject } from '../../src/api/kubernetes.ts';
import { fc } from '../fixtures/fast-check.ts';
import { objectsOf } from '../fixtures/mutation-inputs.ts';

const given = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(fields, { requiredKeys: [] });

const metadata = given({
  name: fc.oneof(fc.constantFrom('it', 'data-nfs-0'), fc.string({ unit: 'binary' })),
  generateName: fc.constant('it-'),
  namespace: fc.constantFrom('team-a', 'quartermaster-system', ''),
  labels: fc.dictionary(
    fc.constantFrom('team', 'quartermaster.dev/inject', '__proto__'),
    fc.string({ unit: 'binary' }),
  ),
  annotations: fc.dictionary(
    fc.constantFrom('volume.beta.kubernetes.io/storage-class', 'quartermaster.dev/injected', 'constructor'),
    fc.string({ unit: 'binary' }),
  ),
  deletionTimestamp: fc.constant('2026-11-20T00:00:00Z'),
});

const className = fc.oneof(
  fc.constantFrom('', 'standard', 'fast-nfs', 'premium', 'csi-s3-calrissian', '../../kube-system', 'a'.repeat(300)),
  fc.string({ unit: 'binary' }),
);
const quantity = fc.oneof(
  fc.constantFrom('1Gi', '0', '-1Gi', '1e99', '10Ei', '1m', ''),
  fc.double(),
  fc.string({ unit: 'binary' }),
);
const claim = given({
  storageClassName: className,
  accessModes: fc.array(fc.constantFrom('ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOnce', 'ReadWriteOncePod', 'Write')),
  resources: given({ requests: given({ storage: quantity }) }),
  volumeMode: fc.constantFrom('Block', 'Filesystem', 'Tape'),
  volumeName: fc.constantFrom('', 'pv-1'),
  selector: fc.constantFrom(null, {}),
  dataSource: fc.constantFrom(null, { kind: 'VolumeSnapshot', name: 's' }),
});

const endpoint = fc.oneof(
  fc.constantFrom('https://s3.example.org', 'http://169.254.10.10', 'http://[::1]:80', 'gopher://x'),
  fc.webUrl(),
);
const store = given({
  name: fc.oneof(fc.constantFrom('sparkhistory', 'a', 'goog-x', '1.2.3.4'), fc.string({ unit: 'binary' })),
  provider: fc.constantFrom('auto', 's3', 'gcs', 'azure', 'floppy'),
  location: fc.constantFrom('', 'eu-west-1', 'nowhere'),
  s3: given({ endpoint, forcePathStyle: fc.boolean(), caBundleRef: given({ name: fc.string() }) }),
  azure: given({ storageAccount: fc.string(), resourceGroup: fc.string() }),
  lifecycle: fc.array(given({ prefix: fc.string(), expireDays: fc.integer() })),
  labels: fc.dictionary(fc.string(), fc.string()),
  credentialsSecretRef: given({ name: fc.string() }),
  adopt: fc.constantFrom('Never', 'IfOwned', 'Always'),
  deletionPolicy: fc.constantFrom('Retain', 'Delete'),
  forceDelete: fc.boolean(),
});

const objects: readonly fc.Arbitrary<KubeObject>[] = [
  ...Object.values(objectsOf),
  fc
    .record({ metadata, spec: claim })
    .map((fields) => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...fields })),
  fc
    .record({ metadata, spec: store })
    .map((fields) => ({ apiVersion: 'banzaicloud.com/v1alpha1', kind: 'ObjectStore', ...fields })),
];

const review = fc.oneof(...objects).chain((object) =>
  fc.record({
    uid: fc.uuid(),
    operation: fc.constantFrom('CREATE', 'CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
    resource: fc.constant(resourceOf(object)),
    namespace: fc.constantFrom('team-a', 'quartermaster-system', ''),
    name: fc.string({ unit: 'binary' }),
    dryRun: fc.boolean(),
    object: fc.constant(object),
    oldObject: fc.constantFrom(object, undefined, null),
    userInfo: given({ username: fc.string({ unit: 'binary' }) }),
  }),
);

const resourceOf = ({ apiVersion, kind }: KubeObject) => {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  return { group, version, resource: `${kind.toLowerCase()}s` };
};

const ENOUGH = 2_000;

/** AdmissionReviews whose every field is of the right kind and holds what its author liked; the same for the same seed. */
export const structuredReviews = (seed: number): readonly Readonly<Record<string, unknown>>[] =>
  fc
    .sample(review, { seed, numRuns: ENOUGH })
    .map((request) => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }));
