import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../src/api/errors.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { Kube, Resource } from '../../src/kube/api-server.ts';

const WITHIN_MS = 60_000;

/** Creates an object as a pipeline does that tries again until it is there, whatever happens to the API server meanwhile. */
export const createStubbornly = async (kube: Kube, resource: Resource, object: KubeObject): Promise<void> => {
  for (const deadline = Date.now() + WITHIN_MS; ; await sleep(200)) {
    try {
      await kube.create(resource, object);
      return;
    } catch (error) {
      if (error instanceof AppError && error.reason === 'AlreadyExists') return;
      if (Date.now() > deadline) throw error;
    }
  }
};
