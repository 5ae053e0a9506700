import { choice, type Infer, list, object, required, text } from '../api/schema.ts';

/** Where the disk of an NFS server is mounted. */
export const DISK_FOLDER = '/export';
/** Of the agent, which makes folders and exports. */
export const AGENT_PORT = 9559;
/** Path that exports are put to. */
export const EXPORTS_PATH = '/exports';
/** Path that answers 200 as long as NFS itself does. */
export const HEALTH_PATH = '/healthz';
/** Environment variable with what a request for other exports must bear. */
export const TOKEN_VARIABLE = 'NFS_AGENT_TOKEN';

/** Of volumes made here, and of those that nfs-provisioner made: nothing that leads out of the disk, and nothing of the server's own. */
const FOLDER = '^/export/(volumes/[a-z0-9][a-z0-9-]{0,62}/)?[a-z0-9][a-z0-9.-]{0,252}$';

/** At most 2^32 - 2: the number above means nobody in particular (chown(2)). */
const GID =
  '^([0-9]{1,9}|[0-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-4])$';

const folder = (description: string) => text(description, { pattern: FOLDER, maxLength: 400 });

export const exportListSchema = object('All that an NFS server exports.', {
  clients: required(
    list(
      'CIDRs that may mount; everybody where there is none.',
      text('One of them.', { pattern: '^[0-9a-fA-F.:/]+$' }),
    ),
  ),
  exports: required(
    list(
      'Folders to serve, made where they are missing.',
      object('One folder.', {
        path: required(folder('Where it is.')),
        squash: required(choice('Whose root acts as nobody.', 'root', 'none')),
        gid: text('The group it belongs to; everybody may write to it where there is none.', {
          pattern: GID,
        }),
      }),
    ),
  ),
  removed: required(list('Folders to delete with all that they hold.', folder('One of them.'))),
});

export type ExportList = Infer<typeof exportListSchema>;
export type Export = ExportList['exports'][number];

/** True for a path that can be exported. */
export const isExportable = (path: string): boolean =>
  new RegExp(FOLDER).test(path) && path !== `${DISK_FOLDER}/volumes`;

/** True for the number of a group that a folder can belong to. */
export const isGid = (gid: string): boolean => new RegExp(GID).test(gid);
