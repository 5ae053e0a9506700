import { isIP } from 'node:net';
import type { StorageClass } from '../../../api/kubernetes.ts';
import { choice, type Infer, list, map, object, text } from '../../../api/schema.ts';
import { decodeAs } from '../../../api/shape.ts';

const serverRecord = object('What an NFS server must have again when somebody deletes it.', {
  clusterIP: text('Address of its Service: it is in every volume that was ever given out.'),
  storageClass: object('What its class says beside what follows from its name.', {
    reclaimPolicy: choice('What becomes of a volume no claim uses.', 'Delete', 'Retain'),
    mountOptions: list('Options of mount(8).', text('One option.')),
    parameters: map('Parameters of the provisioner.', text('Its value.')),
  }),
});

/** What is kept in an annotation of the server's disk, the one part that nobody deletes lightly. */
export type NfsServerRecord = Infer<typeof serverRecord>;

/** One line of JSON, the same for the same server. */
export const writeServerRecord = (clusterIP: string | undefined, storageClass: StorageClass): string => {
  const { reclaimPolicy, mountOptions, parameters } = storageClass;
  return JSON.stringify({ clusterIP, storageClass: { reclaimPolicy, mountOptions, parameters } });
};

/** Nothing where the annotation holds nothing that could be used. */
export const readServerRecord = (annotation: string | undefined): NfsServerRecord => {
  const { clusterIP, ...others } = decodeAs(serverRecord, parse(annotation ?? '{}')) ?? {};
  return { ...others, ...(clusterIP !== undefined && isIP(clusterIP) !== 0 && { clusterIP }) };
};

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};
