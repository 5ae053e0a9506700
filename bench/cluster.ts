import type { ControlPlane } from '../dev/control-plane/control-plane.ts';
import { kubectl } from '../dev/control-plane/kubectl.ts';

/** Applies objects to a control plane of the bench's own. */
export const applyObjects = async (controlPlane: ControlPlane, items: readonly object[]): Promise<void> => {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await kubectl(controlPlane, ['apply', '-f', '-'], { input });
};
