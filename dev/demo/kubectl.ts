import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** kubectl against one cluster; every call ends within 60 s. Throws with kubectl's own complaint. */
export type Kubectl = (...args: readonly string[]) => Promise<{ readonly out: string; readonly complaint: string }>;

export const createKubectl =
  (program: string, kubeconfig: string, folder: string): Kubectl =>
  async (...args) => {
    const { stdout, stderr } = await run(program, ['--kubeconfig', kubeconfig, ...args], {
      cwd: folder,
      timeout: 60_000,
      maxBuffer: 2 ** 26,
    });
    return { out: stdout, complaint: stderr };
  };

/** The objects kubectl prints with `-o json`, Lists taken apart. */
export const objectsOf = async (answer: ReturnType<Kubectl>): Promise<readonly DemoObject[]> => {
  const { out } = await answer;
  const parsed = JSON.parse(out) as DemoObject & { readonly items?: readonly DemoObject[] };
  return parsed.items ?? [parsed];
};

export interface DemoObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export const idOf = ({ kind, metadata }: DemoObject): string =>
  [kind, metadata.namespace, metadata.name].filter(Boolean).join(' ');
