import type { AdmissionRequest } from '../api/admission.ts';
import type { PreviewCluster } from './cluster.ts';
import { type Admitted, explain } from './decided.ts';
import { sendingOf } from './webhook-rules.ts';

export type { Admitted, ObjectExplanation } from './decided.ts';

/** Runs what the API server and Quartermaster would do about a request: whether it is sent at all, and what is decided then. */
export const admit = (request: AdmissionRequest, cluster: PreviewCluster): Admitted => {
  const namespaceLabels = cluster.facts.namespaceLabels(request.namespace ?? '') ?? {};
  const kinds = (): ReadonlySet<string> =>
    new Set(cluster.entries.flatMap(({ spec }) => (spec.inject === undefined ? [] : spec.match.kinds)));
  return explain(request, cluster, sendingOf(cluster.webhooks, request, namespaceLabels, kinds));
};
