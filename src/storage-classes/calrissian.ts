import type { CalrissianPolicy, CloudVerdict, Fact, Facts } from '../api/facts.ts';
import type { PersistentVolumeClaim, StorageClass, StringMap } from '../api/kubernetes.ts';
import { CALRISSIAN_CLASS } from '../api/names.ts';
import { type Claim, claimOf } from './claim.ts';
import type { ClusterFacts } from './class-options.ts';
import { draftFromOption, finishDraft } from './draft.ts';

/** What mounts buckets as volumes. */
export const S3_DRIVER = 'ru.yandex.s3.csi';

/** What Calrissian's volumes are kept in. */
export interface CalrissianMount {
  readonly bucket: Fact;
  /** Secret of the driver, as `namespace/name`. */
  readonly secret: Fact;
}

/**
 * The class openEO's guide has people make: the very one a claim of that name gets at admission, with the bucket that results are
 * looked for in. Undefined where the cloud's table has no such class option.
 */
export const calrissianClass = (
  claim: PersistentVolumeClaim,
  cloud: CloudVerdict,
  mount: CalrissianMount,
): StorageClass | undefined => {
  const option = cloud.classOptions.find(
    ({ provisioner, namePattern }) => provisioner === S3_DRIVER && namePattern?.test(CALRISSIAN_CLASS),
  );
  const request = claimOf(claim);
  if (option === undefined || request === undefined) return undefined;
  return finishDraft(draftFromOption(option, request, withBucketFacts(cloud, mount)), request, undefined);
};

const withBucketFacts = (cloud: CloudVerdict, { bucket, secret }: CalrissianMount): CloudVerdict => {
  const [namespace = '', name = ''] = secret.value.split('/');
  const given = {
    s3Bucket: bucket,
    s3SecretName: { ...secret, value: name },
    s3SecretNamespace: { ...secret, value: namespace },
  };
  return { ...cloud, facts: { ...cloud.facts, ...given } };
};

/** The facts of the cluster as a claim sees them: for one of the Calrissian class with the bucket of the settings, or the reason why there is none yet, a whole sentence. */
export const clusterFactsFor = ({ className }: Claim, cluster: ClusterFacts): ClusterFacts | string => {
  const { calrissian } = cluster.policy;
  if (className !== CALRISSIAN_CLASS || calrissian === undefined) return cluster;
  const bucket = calrissianBucket(calrissian, cluster);
  return typeof bucket === 'string'
    ? bucket
    : { ...cluster, cloud: withBucketFacts(cluster.cloud, mountOf(bucket, calrissian)) };
};

/** Where the volumes of the class are kept. */
export const mountOf = (bucket: Fact, { secret }: CalrissianPolicy): CalrissianMount => ({
  bucket,
  secret: { value: secret, source: 'setting CALRISSIAN_SECRET' },
});

/** The bucket, or why there is none yet. */
export const calrissianBucket = (
  { bucket }: CalrissianPolicy,
  { objectStore }: Pick<Facts, 'objectStore'>,
): Fact | string => {
  if ('name' in bucket) return { value: bucket.name, source: 'setting CALRISSIAN_BUCKET' };
  const [namespace = '', name = ''] = bucket.objectStore.split('/');
  const store = objectStore(namespace, name);
  if (store?.ready && store.provider !== 'azure') {
    return { value: store.bucket, source: `ObjectStore ${bucket.objectStore}` };
  }
  return store?.ready
    ? `ObjectStore ${bucket.objectStore} is a container at Azure, which ${S3_DRIVER} cannot mount: name one that speaks S3 in CALRISSIAN_OBJECT_STORE.`
    : `StorageClass ${CALRISSIAN_CLASS} and the claims of it follow once ObjectStore ${bucket.objectStore} is Ready.`;
};

/** The parameters that decide where data goes; the others may be tuned by whoever runs the cluster. */
export const bucketParameters = ({ parameters }: StorageClass): StringMap =>
  Object.fromEntries(
    Object.entries(parameters ?? {}).filter(([name]) => name === 'bucket' || name.startsWith('csi.storage.k8s.io/')),
  );
