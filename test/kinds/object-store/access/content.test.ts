import { expect, it } from 'vitest';
import { contentOf, keyIn } from '../../../../src/kinds/object-store/access/content.ts';
import { azureConnection } from '../../../../src/kinds/object-store/providers/azure/blob-service.ts';

const connection = azureConnection('acme', 'history', 'westeurope', 'core.windows.net');
const key = { id: 'quartermaster-uid-1-00', secret: 'sv=2021-12-02&sr=c&si=quartermaster-uid-1-00&sig=a%2Bb' };

it('the token for a container of Azure is named as its tools, COSI and Hadoop have it, and read back', () => {
  const content = contentOf('history', connection, key);
  expect(content).toMatchObject({ AZURE_STORAGE_ACCOUNT: 'acme', AZURE_STORAGE_SAS_TOKEN: key.secret });
  expect(JSON.parse(content['BucketInfo'] ?? '')).toMatchObject({
    spec: { protocols: ['azure'], secretS3: null, secretAzure: { accessToken: key.secret } },
  });
  expect(content['core-site.xml']).toContain(
    '<name>fs.azure.sas.fixed.token.acme.dfs.core.windows.net</name><value>sv=2021-12-02&amp;sr=c',
  );
  expect(keyIn((name) => content[name] ?? '')).toEqual(key);
});

it.each([
  ['in the path', true],
  ['in the host name', false],
])('keys for a bucket %s of an endpoint say so to Hadoop, and for which region they sign', (_, forcePathStyle) => {
  const endpoint = 'https://s3.gra.example';
  const at = { url: 's3a://history', host: 's3.gra.example', port: 443, region: 'gra', endpoint, forcePathStyle };
  const conf = contentOf('history', at, { id: 'a', secret: 'b' })['core-site.xml'] ?? '';
  const said = (name: string) => conf.split(`<name>fs.s3a.bucket.history.${name}</name>`)[1]?.split(/[<>]/)[2];
  expect([said('endpoint'), said('endpoint.region'), said('path.style.access')]).toEqual([
    endpoint,
    'gra',
    String(forcePathStyle),
  ]);
});
