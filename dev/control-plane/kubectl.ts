import { run } from './command.ts';
import type { ControlPlane } from './control-plane.ts';

/** `kubeconfig` is another identity than the administrator; `input` is what `-f -` reads. */
export type KubectlOptions = { readonly kubeconfig?: string; readonly input?: string };

/** Runs kubectl as a user would and gives its stdout. Throws an Error with its stderr when it fails or takes over 60 s. */
export function kubectl(
  { assets, directory, ...controlPlane }: Pick<ControlPlane, 'assets' | 'directory' | 'kubeconfig'>,
  args: readonly string[],
  { kubeconfig = controlPlane.kubeconfig, input = '' }: KubectlOptions = {},
): Promise<string> {
  const { PATH } = process.env;
  // Its discovery cache goes to HOME/.kube, and must not outlive this control plane.
  return run(assets.kubectl, args, {
    timeoutMs: 60_000,
    env: { PATH, HOME: directory, KUBECONFIG: kubeconfig },
    input,
  });
}
