import type { Decision } from '../admission/handler.ts';
import { type AdmissionRequest, untouched } from '../api/admission.ts';
import type { DefaultsIndex, DefaultsTarget } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type DefaultsExplanation, explainDefaults } from '../defaults/explanation/explanation.ts';
import type { Subject } from '../defaults/explanation/mismatch.ts';
import { nearMisses } from '../defaults/explanation/near-miss.ts';
import { targetOf } from '../injection/target.ts';
import { decide } from '../kinds/index.ts';
import type { PreviewCluster } from './cluster.ts';
import { sendingOf } from './webhook-rules.ts';

/** Why an object came out as it did. */
export interface ObjectExplanation {
  /** False: no webhook is sent it. */
  readonly isSent: boolean;
  /** Whole sentences: why it is not sent, and what about it looks like a mistake. */
  readonly notes: readonly string[];
  /** Every PlatformDefaults there is. */
  readonly defaults: readonly DefaultsExplanation[];
}

/** What admission makes of a request, and why. */
export interface Admitted {
  readonly decision: Decision;
  readonly explanation: () => ObjectExplanation;
}

/** Runs what the API server and Quartermaster would do about a request: whether it is sent at all, and what is decided then. */
export const admit = (request: AdmissionRequest, cluster: PreviewCluster): Admitted => {
  const { facts, webhooks } = cluster;
  const namespaceLabels = facts.namespaceLabels(request.namespace ?? '') ?? {};
  const sending = sendingOf(webhooks, request, namespaceLabels);
  const targets: DefaultsTarget[] = [];
  const auditTargets: DefaultsTarget[] = [];
  const { audit } = facts.defaults;
  const recording = {
    ...facts,
    defaults: {
      ...recordingInto(targets, facts.defaults),
      audit: audit && { ...audit, index: recordingInto(auditTargets, audit.index) },
    },
  };
  const decision = sending.isSent ? decide(request, recording) : { ...untouched(request.object), patch: [] };
  const explanation = (): ObjectExplanation => ({
    isSent: sending.isSent,
    notes: [...sending.reasons, ...notesOn(request.object, request.namespace ?? '', cluster)],
    defaults: explainDefaults(cluster.entries, cluster.invalid, {
      targets,
      subject: subjectOf(request, cluster),
      unasked: unaskedFor(request.object, sending.reasons),
      outcomes: decision.outcomes?.() ?? [],
      explain: decision.explain,
      denied: decision.denied,
      audited: decision.audited && {
        targets: auditTargets,
        outcomes: decision.audited.enforced.outcomes?.() ?? [],
        explain: decision.audited.enforced.explain,
        denied: decision.audited.enforced.denied,
      },
    }),
  });
  return { decision, explanation };
};

/** The same index, which tells whom it is asked about. */
const recordingInto = (targets: DefaultsTarget[], index: DefaultsIndex): DefaultsIndex => ({
  ...index,
  resolve: (target) => {
    targets.push(target);
    return index.resolve(target);
  },
});

/** The kind may be one that no defaults know. */
const subjectOf = (request: AdmissionRequest, { facts }: PreviewCluster): Subject => ({
  ...targetOf('WorkflowPod', request.object, request, facts),
  kind: request.object.kind,
});

const unaskedFor = ({ kind }: KubeObject, [first]: readonly string[]): string =>
  first?.replace(/\.$/, '') ??
  (kind === 'Pod' ? 'Quartermaster leaves such a pod alone' : 'Quartermaster leaves the object alone');

const notesOn = (object: KubeObject, namespace: string, { facts }: PreviewCluster): readonly string[] => [
  ...nearMisses('The object', { labels: object.metadata.labels ?? {}, annotations: object.metadata.annotations ?? {} }),
  ...nearMisses(`Namespace ${namespace}`, { labels: facts.namespaceLabels(namespace) ?? {} }),
];
