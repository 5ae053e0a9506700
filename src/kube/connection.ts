import { access, readFile } from 'node:fs/promises';
import type { Agent, RequestOptions } from 'node:https';
import { delimiter, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError, messageOf } from '../api/errors.ts';

/** What proves who the API server is, and who we are to it at the TLS layer. PEM texts. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** `tls` stays the same object until its content changes, so that its connections can be kept. */
export interface Credentials {
  readonly tls: TlsMaterial;
  readonly headers: Readonly<Record<string, string>>;
  /** Set where a kubeconfig names a proxy: connections go through this one instead of our own. */
  readonly agent?: Agent;
}

/** Where the API server is, and how to be let in. Credentials are asked for anew with every request. */
export interface Connection {
  readonly server: URL;
  readonly credentials: () => Promise<Credentials>;
  /** Called after a 401: whatever is remembered is read anew next time. */
  readonly forget: () => void;
}

/** The part of client-node's KubeConfig that is used here. */
interface KubeConfigLike {
  readonly getCurrentCluster: () => { readonly server: string; readonly proxyUrl?: string } | null;
  readonly applyToHTTPSOptions: (options: RequestOptions) => Promise<void>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Bound tokens are rotated on disk well before they expire; client-go reads them once a minute too. */
const REREAD_MS = 60_000;

/** A pod's own service account. Token and CA are read again each minute, because the kubelet rotates them. */
export const inClusterConnection = (host: string, port: string, folder = SERVICE_ACCOUNT): Connection => {
  let known: { readonly credentials: Credentials; readonly staleAt: number } | undefined;
  const read = async (): Promise<Credentials> => {
    const token = await readText(join(folder, 'token'));
    const ca = await readText(join(folder, 'ca.crt'));
    const before = known?.credentials.tls;
    return { tls: before?.ca === ca ? before : { ca }, headers: { authorization: `Bearer ${token.trim()}` } };
  };
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    credentials: async () => {
      if (known && Date.now() < known.staleAt) return known.credentials;
      known = { credentials: await read(), staleAt: Date.now() + REREAD_MS };
      return known.credentials;
    },
    forget: () => {
      if (known) known = { ...known, staleAt: 0 };
    },
  };
};

/**
 * The same API server with somebody's bearer token, and nothing of our own that says who asks: an agent for a proxy may hold our
 * certificate. What is trusted stays one object for all tokens, as long as it stays the same.
 */
export const withTokens = ({ server, credentials }: Connection): ((token: string) => Connection) => {
  let known: { readonly own: TlsMaterial; readonly tls: TlsMaterial } | undefined;
  const trusted = (own: TlsMaterial): TlsMaterial => {
    const { cert: _cert, key: _key, ...tls } = own;
    if (known?.own !== own) known = { own, tls };
    return known.tls;
  };
  return (token) => ({
    server,
    credentials: async () => ({
      tls: trusted((await credentials()).tls),
      headers: { authorization: `Bearer ${token}` },
    }),
    forget: () => undefined,
  });
};

const readText = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('Unavailable', `The service account file ${file} cannot be read.`, { cause });
  }
};

/** Whatever a kubeconfig can say: client certificates, tokens, exec plugins. Files it names are read with every request. */
const kubeConfigConnection = (config: KubeConfigLike): Connection => {
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new AppError(
      'InvalidSetting',
      'The kubeconfig has no current context that names a cluster: kubectl config use-context chooses one.',
    );
  const server = URL.parse(cluster.server);
  if (server?.protocol !== 'https:') {
    throw new AppError('InvalidSetting', `The kubeconfig names ${cluster.server}; only https is spoken.`);
  }
  let tls: TlsMaterial = {};
  return {
    server,
    forget: () => undefined,
    credentials: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options).catch(refused);
      const read = tlsOf(options);
      if (!isDeepStrictEqual(read, tls)) tls = read;
      const agent = cluster.proxyUrl ? { agent: options.agent as Agent } : {};
      return { tls, headers: headersOf(options), ...agent };
    },
  };
};

const refused = (cause: unknown): never => {
  throw new AppError('Unavailable', `The kubeconfig gave no credentials: ${firstLineOf(cause)}.`, { cause });
};

/** What comes after it shows the file, secrets and all. */
const firstLineOf = (cause: unknown): string => messageOf(cause).split('\n')[0] ?? '';

const tlsOf = ({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): TlsMaterial => ({
  ...pem('ca', ca),
  ...pem('cert', cert),
  ...pem('key', key),
  ...(servername && { servername }),
  ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
});

/** client-node gives one text or buffer for each. */
const pem = (name: 'ca' | 'cert' | 'key', value: unknown): TlsMaterial => {
  if (Buffer.isBuffer(value)) return { [name]: value.toString() };
  return typeof value === 'string' ? { [name]: value } : {};
};

const headersOf = ({ headers, auth }: RequestOptions): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)])),
  ...(auth && { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
});

/**
 * The connection a process should use, looked for where controllers usually look: KUBECONFIG, the pod's service account, ~/.kube/config.
 * Throws AppError('InvalidSetting') where there is none. client-node is loaded for kubeconfigs only: it costs 0.2 s and 37 MB even bundled.
 */
export const findConnection = async (
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Connection> => {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, HOME } = environment;
  if (KUBECONFIG) return kubeConfigFiles(KUBECONFIG.split(delimiter).filter((file) => file !== ''));
  if (host) return inClusterConnection(host, port ?? '443');
  const home = join(HOME ?? '/', '.kube', 'config');
  if (await isReadable(home)) return kubeConfigFiles([home]);
  throw new AppError('InvalidSetting', `No cluster: set KUBECONFIG, run in a pod, or put a kubeconfig at ${home}.`);
};

const isReadable = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Several as kubectl has them: what is missing is passed over, and of each name, as of the current context, the first file that says it holds. */
const kubeConfigFiles = async (files: readonly string[]): Promise<Connection> => {
  const isThere = await Promise.all(files.map(isPresent));
  const present = files.filter((_, at) => isThere[at]);
  const { KubeConfig } = await import('@kubernetes/client-node');
  const read = async (file: string) => {
    const config = new KubeConfig();
    try {
      // Once: a pipe holds nothing the second time.
      const text = await readFile(file, 'utf8');
      if (isBlank(text)) return config;
      config.loadFromString(text);
      config.makePathsAbsolute(dirname(file));
      return config;
    } catch (cause) {
      throw new AppError('InvalidSetting', `The kubeconfig ${file} cannot be read: ${firstLineOf(cause)}.`, { cause });
    }
  };
  const configs = await Promise.all((present.length > 0 ? present : files).map(read));
  const merged = new KubeConfig();
  merged.loadFromOptions({
    clusters: firstOfEachName(configs.flatMap((config) => config.getClusters())),
    users: firstOfEachName(configs.flatMap((config) => config.getUsers())),
    contexts: firstOfEachName(configs.flatMap((config) => config.getContexts())),
    currentContext: configs.map((config) => config.getCurrentContext()).find(Boolean),
  });
  return kubeConfigConnection(merged);
};

const isPresent = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );

/** What says nothing is a kubeconfig, which client-node does not take for one. */
const isBlank = (text: string): boolean => text.split('\n').every((line) => /^\s*(?:#.*)?$/.test(line));

const firstOfEachName = <T extends { readonly name: string }>(items: readonly T[]): readonly T[] =>
  items.filter(({ name }, at) => items.findIndex((other) => other.name === name) === at);
