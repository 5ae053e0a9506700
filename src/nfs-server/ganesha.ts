import { DISK_FOLDER, type Export, type ExportList } from './export-list.ts';

/** What a server exports, with the number of each folder: file handles of clients hold it, so that it never changes. */
export interface Exported extends Pick<ExportList, 'clients' | 'exports'> {
  readonly ids: Readonly<Record<string, number>>;
}

/** Export ids of Ganesha have 16 bits; 0 is its pseudo file system. */
const MAX_ID = 65_535;

export const nothingExported: Exported = { clients: [], exports: [], ids: {} };

/** The same with another list; who had a number keeps it, as long as its folder is not deleted. Throws a RangeError where none is left. */
export const exportOther = ({ ids }: Exported, { clients, exports, removed }: ExportList): Exported => {
  const gone = new Set(removed);
  const kept = Object.entries(ids).filter(([path]) => !gone.has(path));
  const all = new Map(kept);
  const taken = new Set(all.values());
  let next = 1;
  for (const { path } of exports) {
    if (all.has(path)) continue;
    while (taken.has(next)) next += 1;
    if (next > MAX_ID) throw new RangeError(`an NFS server has ${MAX_ID} exports at most`);
    taken.add(next);
    all.set(path, next);
  }
  return { clients, exports, ids: Object.fromEntries(all) };
};

/** What Ganesha reads once, when it starts. `exportsFile` is what it reads again at SIGHUP. */
export const serverConfig = (stateFolder: string, exportsFile: string): string => `NFS_CORE_PARAM {
  Protocols = 3, 4; NFS_Port = 2049; MNT_Port = 20048;
  Enable_UDP = false; Enable_NLM = false; Enable_RQUOTA = false;
  # Handles that held the number of the device would be stale as soon as the disk is attached to another node.
  fsid_device = false;
}
NFSv4 {
  Minor_Versions = 0, 1; Grace_Period = 90; Lease_Lifetime = 60; Only_Numeric_Owners = true;
  # Who had files open may go on after a restart: it is remembered on the disk.
  RecoveryBackend = fs; RecoveryRoot = ${stateFolder};
}
EXPORT_DEFAULTS { Access_Type = None; Squash = Root_Squash; Anonymous_uid = 65534; Anonymous_gid = 65534; SecType = sys; Protocols = 3, 4; Transports = TCP; }
NFS_KRB5 { Active_krb5 = false; }
LOG { Default_Log_Level = EVENT; }
%include ${exportsFile}
`;

/** What it reads of the exports. */
export const exportsConfig = ({ clients, exports, ids }: Exported): string =>
  exports.map((entry) => exportBlock(entry, ids[entry.path] ?? 0, clients)).join('');

const exportBlock = ({ path, squash }: Export, id: number, clients: readonly string[]): string => {
  const access = `Access_Type = RW; Squash = ${squash === 'root' ? 'Root_Squash' : 'No_Root_Squash'};`;
  const given = clients.length === 0 ? access : `CLIENT { Clients = ${clients.join(', ')}; ${access} }`;
  return `EXPORT { Export_Id = ${id}; Filesystem_id = ${id}.${id}; Path = ${path}; Pseudo = ${path}; ${given} FSAL { Name = VFS; } }\n`;
};

/** What nfs-provisioner wrote on a disk of its own: served again at the same paths, under the numbers that clients' handles hold. */
export const exportedByProvisioner = (config: string): Exported => {
  const blocks = [...config.matchAll(/EXPORT\s*\{(?<block>[^}]*)/g)].map(({ groups }) => groups?.['block'] ?? '');
  const found = blocks.flatMap((block) => {
    const path = /^\s*Path = (\S+);/m.exec(block)?.[1];
    const id = Number(/^\s*Export_Id = (\d+);/m.exec(block)?.[1]);
    if (path?.startsWith(`${DISK_FOLDER}/`) !== true || !(id > 0)) return [];
    const squash: Export['squash'] = /^\s*Squash = root/im.test(block) ? 'root' : 'none';
    return [{ path, id, squash }];
  });
  return {
    clients: [],
    exports: found.map(({ path, squash }) => ({ path, squash })),
    ids: Object.fromEntries(found.map(({ path, id }) => [path, id])),
  };
};
