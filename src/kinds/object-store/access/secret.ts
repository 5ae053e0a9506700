import type { Secret, StringMap } from '../../../api/kubernetes.ts';
import {
  ACCESS_FORMER_KEYS_ANNOTATION,
  ACCESS_FORMER_UNTIL_ANNOTATION,
  ACCESS_ISSUED_ANNOTATION,
  ACCESS_ROTATION_ANNOTATION,
  connectionNameFor,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../../../api/names.ts';
import type { ObjectStore } from '../../../api/object-store.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { ownerOf } from '../connection.ts';
import type { IssuedKey } from '../providers/access.ts';
import { type BucketConnection, BucketError } from '../providers/bucket.ts';
import { contentOf, keyIn as keyInContent } from './content.ts';
import type { ObservedSecret } from './keys.ts';

/** What is noted on the Secret besides the key itself. */
export type KeyRecord = Pick<ObservedSecret, 'issuedAt' | 'rotation' | 'formerKeys' | 'formerUntil'>;

/** Name of the Secret that holds the keys: that of the ConfigMap, unless the spec gives another. */
export const accessSecretNameOf = ({ metadata, spec }: ObjectStore): string =>
  spec.access?.secretName ?? connectionNameFor(metadata.name ?? '');

/** The Secret as it should be. */
export const accessSecretFor = (
  store: ObjectStore,
  connection: BucketConnection,
  key: IssuedKey,
  { issuedAt, rotation, formerKeys, formerUntil }: KeyRecord,
): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: accessSecretNameOf(store),
    namespace: store.metadata.namespace ?? '',
    labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
    annotations: {
      [ACCESS_ISSUED_ANNOTATION]: issuedAt,
      [ACCESS_ROTATION_ANNOTATION]: rotation,
      // Empty rather than absent: an apply takes nothing away that a create put there.
      [ACCESS_FORMER_KEYS_ANNOTATION]: formerKeys.join(','),
      [ACCESS_FORMER_UNTIL_ANNOTATION]: formerKeys.length > 0 ? formerUntil : '',
    },
    ownerReferences: [ownerOf(store)],
  },
  type: 'Opaque',
  data: encoded(contentOf(store.spec.name, connection, key)),
});

const encoded = (data: StringMap): StringMap =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

/** The Secret under the name. Throws BucketError where somebody else made it. */
export const findAccessSecret = async (
  kube: Pick<Kube, 'get'>,
  store: ObjectStore,
  name: string,
  signal: AbortSignal,
): Promise<Secret | undefined> => {
  const key = { namespace: store.metadata.namespace ?? '', name };
  const found = await kube.get<Secret>(resources.secrets, key, signal);
  if (found === undefined || isOwn(found, store)) return found;
  throw new BucketError(
    'NotOwned',
    `Secret ${name} was made by somebody else: delete it, or give another spec.access.secretName.`,
  );
};

const isOwn = ({ metadata }: Secret, store: ObjectStore): boolean =>
  metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY &&
  (metadata.ownerReferences?.some(({ uid }) => uid === store.metadata.uid) ?? false);

/** The key in a Secret of ours. */
export const keyIn = ({ data = {} }: Secret): IssuedKey =>
  keyInContent((name) => Buffer.from(data[name] ?? '', 'base64').toString('utf8'));

/** What is noted on a Secret of ours. */
export const recordIn = ({ metadata }: Secret): KeyRecord => {
  const noteOf = (annotation: string): string => metadata.annotations?.[annotation] ?? '';
  return {
    issuedAt: timeOf(noteOf(ACCESS_ISSUED_ANNOTATION)),
    rotation: noteOf(ACCESS_ROTATION_ANNOTATION),
    formerKeys: noteOf(ACCESS_FORMER_KEYS_ANNOTATION)
      .split(',')
      .filter((key) => key !== ''),
    formerUntil: timeOf(noteOf(ACCESS_FORMER_UNTIL_ANNOTATION)),
  };
};

/** Whoever may change the Secret may write anything there. */
const timeOf = (text: string): string =>
  Number.isNaN(Date.parse(text)) ? new Date(0).toISOString() : new Date(text).toISOString();

/** A Secret of ours compared with what it should be. Keys and labels that others added to ours are theirs. */
export const observeSecret = (found: Secret, store: ObjectStore, connection: BucketConnection): ObservedSecret => {
  const [key, record] = [keyIn(found), recordIn(found)];
  const desired = accessSecretFor(store, connection, key, record);
  const isCurrent = Object.entries(desired.data ?? {}).every(([name, value]) => found.data?.[name] === value);
  return { ...record, keyId: key.id, isCurrent };
};

/** Takes a Secret of ours away; somebody else's stays. */
export const removeAccessSecret = async (
  kube: Pick<Kube, 'get' | 'remove'>,
  store: ObjectStore,
  name: string,
  signal: AbortSignal,
): Promise<void> => {
  const key = { namespace: store.metadata.namespace ?? '', name };
  const found = await kube.get<Secret>(resources.secrets, key, signal);
  if (found?.metadata.uid === undefined || !isOwn(found, store)) return;
  await kube.remove(resources.secrets, key, { uid: found.metadata.uid }, { signal });
};
