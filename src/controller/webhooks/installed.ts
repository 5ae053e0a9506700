import { hasReason } from '../../api/errors.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import type { MutatingWebhookConfiguration } from './configuration.ts';

const labelSelector = `app.kubernetes.io/name=quartermaster,${MANAGED_BY_LABEL}=${MANAGED_BY}`;

/** The configuration of the install, by its name, or by its labels where a kustomization renamed it. Undefined where there is none. */
export const installedConfiguration = async (
  kube: Pick<Kube, 'get' | 'list'>,
  name: string,
): Promise<MutatingWebhookConfiguration | undefined> => {
  const { mutatingWebhooks } = resources;
  const named = await kube
    .get<MutatingWebhookConfiguration>(mutatingWebhooks, { namespace: '', name })
    .catch((error: unknown) => {
      // The account of a renamed install may read that one alone.
      if (hasReason(error, 'Forbidden')) return undefined;
      throw error;
    });
  if (named !== undefined) return named;
  const { items } = await kube.list<MutatingWebhookConfiguration>(mutatingWebhooks, { labelSelector });
  return items[0];
};
