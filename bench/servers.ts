import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from '../dev/bundle/bundle.ts';
import { type ControlPlane, startControlPlane } from '../dev/control-plane/control-plane.ts';
import { freePorts } from '../dev/free-ports.ts';
import { imageRuntime } from '../dev/image-runtime.ts';
import { type BuiltPeer, buildPeer } from './built-peers.ts';
import { platformDefaults } from './defaults.ts';
import { type Input, inputs } from './inputs.ts';
import { agnhost, installPeers, makePeprStore } from './peers.ts';
import { type EngineName, engineNames, isEngine, startOf } from './policy-engines.ts';
import { type Subject, type SubjectOptions, startSubject } from './subject.ts';
import type { TlsFiles } from './tls.ts';

/** What there is to be measured: `floor`, `agnhost`, `kube-rs`, `controller-runtime`, `kyverno-mutatingpolicy`, `kyverno-clusterpolicy`, `gatekeeper`, `pepr-<defaults>`, `quartermaster-<defaults>[-<namespaces>]`. */
export type ServerName = string;

/** Servers that run, and how to end them and what they needed. */
export interface Servers extends AsyncDisposable {
  readonly subjects: readonly Subject[];
}

/** Starts each of them. At most `matching` of the defaults match the reviews. */
export const startServers = async (names: readonly ServerName[], matching: number, tls: TlsFiles): Promise<Servers> => {
  await using started = new AsyncDisposableStack();
  const ports = await freePorts(names.length);
  const startOne = async (name: ServerName, port: number): Promise<Subject> => {
    const controlPlane = needsCluster(name) ? started.use(await startControlPlane()) : undefined;
    const subject = await startSubject(await serverOptions(name, { port, matching, tls, controlPlane }));
    started.defer(subject.stop);
    return subject;
  };
  const subjects = await Promise.all(names.map((name, index) => startOne(name, ports[index] ?? 0)));
  const kept = started.move();
  return { subjects, [Symbol.asyncDispose]: () => kept.disposeAsync() };
};

/** Those that read what they are to do from an API server, each from one of its own. */
const needsCluster = (name: ServerName): boolean => name.startsWith('pepr') || isEngine(name);

interface Setting {
  readonly port: number;
  readonly matching: number;
  readonly tls: TlsFiles;
  readonly controlPlane: ControlPlane | undefined;
}

/** How each is started, by the first words of its name. */
const starters: Readonly<Record<string, (setting: Setting, counts: readonly string[]) => Started | Promise<Started>>> =
  {
    floor: ({ port, tls }) => ({
      command: inImage(`${import.meta.dirname}/subjects/floor.ts`, [String(port), tls.cert, tls.key]),
      environment: imageEnvironment,
    }),
    quartermaster: async ({ port, tls, matching }, [defaults = '0', namespaces = '0']) => ({
      command: inImage(await bundledSubject(tls), [
        ...[String(port), tls.cert, tls.key],
        ...[defaults, String(Math.min(Number(defaults), matching)), namespaces],
      ]),
      environment: imageEnvironment,
    }),
    pepr: async (setting, [defaults = '0']) => {
      installPeers();
      await makePeprStore(clusterOf(setting));
      return {
        path: '/mutate/bench',
        command: [
          process.execPath,
          `${import.meta.dirname}/peers/pepr.js`,
          ...[String(setting.port), defaults, String(Math.min(Number(defaults), setting.matching))],
        ],
        environment: peprEnvironment(setting),
      };
    },
    agnhost: async (setting) => ({ path: '/mutating-pods-sidecar', command: await agnhostCommand(setting) }),
    'kube-rs': (setting) => builtPeer('kube-rs', setting),
    'controller-runtime': (setting) => builtPeer('controller-runtime', setting),
    ...Object.fromEntries(engineNames.map((name) => [name, (setting: Setting) => engine(name, setting)])),
  };

type Started = Partial<Pick<SubjectOptions, 'path' | 'environment' | 'gives' | 'logsToError'>> &
  Pick<SubjectOptions, 'command'>;

const { flags: imageFlags, environment: imageEnvironment } = imageRuntime();
const inImage = (file: string, args: readonly string[]): readonly [string, ...string[]] => [
  process.execPath,
  ...imageFlags,
  file,
  ...args,
];

/** Bundled like the image's program: sources take Node's own compiler of types along, and 25 MiB with it. */
const bundledSubject = async ({ cert }: TlsFiles): Promise<string> => {
  const folder = join(dirname(cert), 'subject');
  if (!existsSync(folder)) await bundle(folder, 'bench/subjects/quartermaster.ts');
  return join(folder, 'main.mjs');
};

const engine = async (name: EngineName, setting: Setting): Promise<Started> => {
  const defaults = platformDefaults(PEERS_DEFAULTS, setting.matching);
  const start = await startOf(name, defaults, { ...setting, controlPlane: clusterOf(setting) });
  return {
    ...start,
    logsToError: true,
    gives: defaults.slice(0, setting.matching).map((_, index) => `/platform/${index}`),
  };
};

const clusterOf = ({ controlPlane }: Setting): ControlPlane => {
  if (controlPlane === undefined) throw new Error('there is no control plane for what needs one');
  return controlPlane;
};

/** What 20 PlatformDefaults give, as its own main reads it. */
const builtPeer = async (peer: BuiltPeer, { port, tls, matching }: Setting): Promise<Started> => {
  const program = await buildPeer(peer);
  if (program === undefined) throw new Error(`${peer} cannot be built here`);
  const file = join(dirname(tls.cert), 'defaults.json');
  writeFileSync(file, JSON.stringify(platformDefaults(PEERS_DEFAULTS, matching)));
  return { command: [program, String(port), tls.cert, tls.key, file] };
};

const PEERS_DEFAULTS = 20;

const serverOptions = async (name: ServerName, setting: Setting): Promise<SubjectOptions> => {
  const kind = Object.keys(starters).find((known) => name === known || name.startsWith(`${known}-`)) ?? '';
  const start = starters[kind];
  if (start === undefined) throw new Error(`there is no server ${name}`);
  const started = await start(
    setting,
    name
      .slice(kind.length + 1)
      .split('-')
      .filter((count) => count !== ''),
  );
  const { body } = inputs['pod'] as Input;
  return { name, port: setting.port, path: '/mutate', review: body, ...started };
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
