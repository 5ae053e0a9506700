import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Azurite, startAzurite } from '../../dev/stubs/azurite.ts';
import { type Abfs, installAbfs } from '../../dev/workloads/abfs/abfs.ts';
import type { StringMap } from '../../src/api/kubernetes.ts';
import { contentOf } from '../../src/kinds/object-store/access/content.ts';
import type { DesiredAccess } from '../../src/kinds/object-store/providers/access.ts';
import { azureAccess } from '../../src/kinds/object-store/providers/azure/access.ts';
import {
  azureConnection,
  openBlobService,
  sharedKey,
} from '../../src/kinds/object-store/providers/azure/blob-service.ts';
import { readAzureError } from '../../src/kinds/object-store/providers/azure/errors.ts';
import { createVendorCall } from '../../src/kinds/object-store/providers/vendor-call.ts';
import { objectsIn, readCase } from '../fixtures/golden-case.ts';

const ACCOUNT = 'team';
const CONTAINER = 'history';
/** Hadoop knows no other port, and other tests have that of 127.0.0.1. */
const PLACE = { address: '127.0.0.2', port: 443 };
const progress = (line: string): void => void process.stderr.write(`abfs: ${line}\n`);

describe.skipIf(process.getuid?.() !== 0)("Hadoop's own client of Azure's storage (as root, for port 443)", () => {
  let azurite: Azurite;
  let abfs: Abfs;
  /** What an application of Spark 4 is given for an ObjectStore with keys of its own. */
  let given: { readonly folder: string; readonly conf: StringMap };

  const secretFor = async (mode: DesiredAccess['mode']): Promise<StringMap> => {
    const { account, key, endpoint, caBundle } = azurite;
    const signal = AbortSignal.timeout(60_000);
    const service = openBlobService(new URL(endpoint), sharedKey(account, key), caBundle);
    const call = createVendorCall({ target: 'azurite', read: readAzureError });
    const access = azureAccess({ call, open: () => Promise.resolve({ account, key, service }) });
    const desired = { user: `quartermaster-${mode}`, title: 'team-a/history', bucket: CONTAINER, mode };
    const issued = await access.issueKey({ ...desired, encryptionKey: undefined }, signal);
    return contentOf(CONTAINER, azureConnection(account, CONTAINER, 'westeurope', 'core.windows.net'), issued);
  };

  beforeAll(async () => {
    azurite = await startAzurite(ACCOUNT, PLACE);
    abfs = await installAbfs(azurite, progress);
    const service = openBlobService(new URL(azurite.endpoint), sharedKey(ACCOUNT, azurite.key), azurite.caBundle);
    for (const container of [CONTAINER, 'others'])
      await service.send({ method: 'PUT', container }, AbortSignal.timeout(60_000));
    const [app] = objectsIn(readCase('spark-application', 'object-store-on-azure-with-keys').afterPath);
    const { sparkConf, hadoopConf } = (app as unknown as { readonly spec: Readonly<Record<string, StringMap>> }).spec;
    given = { folder: sparkConf?.['spark.eventLog.dir'] ?? '', conf: hadoopConf ?? {} };
  });

  afterAll(async () => {
    await abfs?.remove();
    await azurite?.stop();
  });

  it('takes the token from the variable that the conf names, and opens that container alone', async () => {
    const environment = await secretFor('ReadWrite');
    const file = { file: 'app-1.inprogress', text: 'started' };
    expect(await abfs.call({ ...given, ...file, environment })).toEqual([
      'started',
      `${given.folder.slice(0, -1)}${file.file}`,
    ]);
    const folder = given.folder.replace(CONTAINER, 'others');
    await expect(abfs.call({ ...given, folder, ...file, environment })).rejects.toThrow(/403/);
  });

  it('takes it from the core-site.xml of the Secret', async () => {
    const { 'core-site.xml': coreSite } = await secretFor('ReadWrite');
    const call = { folder: given.folder, file: 'app-2.inprogress', coreSite: coreSite ?? '' };
    expect(await abfs.call({ ...call, text: 'again' })).toContain('again');
  });

  it('reads and does not write with a token for that', async () => {
    const call = { ...given, file: 'app-3.inprogress' };
    await abfs.call({ ...call, text: 'kept', environment: await secretFor('ReadWrite') });
    const environment = await secretFor('ReadOnly');
    expect(await abfs.call({ ...call, environment })).toContain('kept');
    await expect(abfs.call({ ...call, text: 'lost', environment })).rejects.toThrow(/403/);
  });
});
