import type { CloudVerdict, Fact } from '../api/facts.ts';
import type { PersistentVolumeClaim, StorageClass, StringMap } from '../api/kubernetes.ts';
import { CALRISSIAN_CLASS } from '../names.ts';
import { claimOf } from './claim.ts';
import { draftFromOffer, finishDraft } from './class-draft.ts';

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
 * looked for in. Undefined where the cloud's table has no such offer.
 */
export const calrissianClass = (
  claim: PersistentVolumeClaim,
  cloud: CloudVerdict,
  { bucket, secret }: CalrissianMount,
): StorageClass | undefined => {
  const offer = cloud.offers.find(
    ({ provisioner, namePattern }) => provisioner === S3_DRIVER && namePattern?.test(CALRISSIAN_CLASS),
  );
  const asked = claimOf(claim);
  if (offer === undefined || asked === undefined) return undefined;
  const [namespace = '', name = ''] = secret.value.split('/');
  const given = {
    s3Bucket: bucket,
    s3SecretName: { ...secret, value: name },
    s3SecretNamespace: { ...secret, value: namespace },
  };
  const facts = { ...cloud.facts, ...given };
  return finishDraft(draftFromOffer(offer, asked, { ...cloud, facts }), asked, undefined);
};

/** The parameters that decide where data goes; the others may be tuned by whoever runs the cluster. */
export const whereabouts = ({ parameters }: StorageClass): StringMap =>
  Object.fromEntries(
    Object.entries(parameters ?? {}).filter(([name]) => name === 'bucket' || name.startsWith('csi.storage.k8s.io/')),
  );
