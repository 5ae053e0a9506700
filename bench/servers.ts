import { type ControlPlane, startControlPlane } from '../dev/control-plane/control-plane.ts';
import { freePorts } from '../dev/free-ports.ts';
import { inputs } from './inputs.ts';
import { agnhost, installPeers, makePeprStore } from './peers.ts';
import { type Subject, type SubjectOptions, startSubject } from './subject.ts';
import type { TlsFiles } from './tls.ts';

/** What there is to be measured: `floor`, `agnhost`, `pepr-<defaults>`, `quartermaster-<defaults>[-<namespaces>]`. */
export type ServerName = string;

/** Servers that run, and how to end them and what they needed. */
export interface Servers extends AsyncDisposable {
  readonly subjects: readonly Subject[];
}

/** Starts each of them. At most `matching` of the defaults match the reviews. */
export const startServers = async (names: readonly ServerName[], matching: number, tls: TlsFiles): Promise<Servers> => {
  const needsCluster = names.some((name) => name.startsWith('pepr'));
  const controlPlane = needsCluster ? await clusterForPepr() : undefined;
  const ports = await freePorts(names.length);
  const subjects = await Promise.all(
    names.map(async (name, index) =>
      startSubject(await serverOptions(name, { port: ports[index] ?? 0, matching, tls, controlPlane })),
    ),
  );
  return {
    subjects,
    [Symbol.asyncDispose]: async () => {
      for (const { stop } of subjects) stop();
      await controlPlane?.stop();
    },
  };
};

const clusterForPepr = async (): Promise<ControlPlane> => {
  installPeers();
  const controlPlane = await startControlPlane();
  await makePeprStore(controlPlane);
  return controlPlane;
};

interface Setting {
  readonly port: number;
  readonly matching: number;
  readonly tls: TlsFiles;
  readonly controlPlane: ControlPlane | undefined;
}

const serverOptions = async (name: ServerName, setting: Setting): Promise<SubjectOptions> => {
  const [kind = '', defaults = '0', namespaces = '0'] = name.split('-');
  const { port, tls } = setting;
  const matching = String(Math.min(Number(defaults), setting.matching));
  const common = { name, port, path: '/mutate', review: (inputs['pod'] as { readonly body: string }).body };
  const script = (file: string, ...args: readonly string[]): readonly [string, ...string[]] => [
    process.execPath,
    `${import.meta.dirname}/${file}`,
    String(port),
    ...args,
  ];
  switch (kind) {
    case 'floor':
      return { ...common, command: script('subjects/floor.ts', tls.cert, tls.key) };
    case 'quartermaster':
      return {
        ...common,
        command: script('subjects/quartermaster.ts', tls.cert, tls.key, defaults, matching, namespaces),
      };
    case 'pepr':
      return {
        ...common,
        path: '/mutate/bench',
        command: script('peers/pepr.js', defaults, matching),
        environment: peprEnvironment(setting),
      };
    case 'agnhost':
      return { ...common, path: '/mutating-pods-sidecar', command: await agnhostCommand(setting) };
    default:
      throw new Error(`there is no server ${name}`);
  }
};

const peprEnvironment = ({ tls, controlPlane }: Setting): Readonly<Record<string, string>> => ({
  SSL_CERT_PATH: tls.cert,
  SSL_KEY_PATH: tls.key,
  PEPR_API_PATH: 'bench',
  KUBECONFIG: controlPlane?.kubeconfig ?? '',
});

const agnhostCommand = async ({ port, tls }: Setting): Promise<readonly [string, ...string[]]> => [
  await agnhost(),
  'webhook',
  `--port=${port}`,
  `--tls-cert-file=${tls.cert}`,
  `--tls-private-key-file=${tls.key}`,
  '--sidecar-image=registry.example.org/sidecar:1',
];
