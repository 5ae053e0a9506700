import { join } from 'node:path';
import { run } from '../control-plane/command.ts';
import type { Layout } from './node/layout.ts';
import type { Sandbox } from './node/sandbox.ts';

/** Runs kubectl as the administrator and gives its stdout. Throws with kubectl's own complaint, or after 5 minutes. */
export interface Kubectl {
  (...args: readonly string[]): Promise<string>;
  /** The same, with text for `-f -`. */
  readonly withInput: (input: string, ...args: readonly string[]) => Promise<string>;
}

const limitMs = 300_000;

/** kubectl inside the node's network, the only place from which the API server can be reached. */
export const createKubectl = (sandbox: Pick<Sandbox, 'run'>, layout: Layout): Kubectl => {
  const identity = ['--kubeconfig', join(layout.keys, 'admin.kubeconfig'), '--cache-dir', layout.config];
  const withInput = (input: string, ...args: readonly string[]) =>
    sandbox.run('kubectl', [...identity, ...args], { timeoutMs: limitMs, input });
  return Object.assign((...args: readonly string[]) => withInput('', ...args), { withInput });
};

/** Puts a program where the node's namespaces find it by name. */
export const offerProgram = async (layout: Layout, name: string, path: string): Promise<void> => {
  await run('ln', ['-sf', path, join(layout.programs, name)], { timeoutMs: limitMs });
};
