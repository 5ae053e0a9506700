import type { Decision } from '../admission/handler.ts';
import { type AdmissionRequest, untouched } from '../api/admission.ts';
import type { DefaultsIndex, DefaultsTarget } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Entry } from '../defaults/entry.ts';
import { type DefaultsExplanation, explainDefaults } from '../defaults/explanation/explanation.ts';
import type { Subject } from '../defaults/explanation/mismatch.ts';
import { nearMisses } from '../defaults/explanation/near-miss.ts';
import { targetOf } from '../injection/target.ts';
import { decide } from '../kinds/index.ts';
import type { PreviewCluster } from './cluster.ts';
import { isFor, type Sending } from './webhook-rules.ts';

/** Why an object came out as it did. */
export interface ObjectExplanation {
  /** False: no webhook is sent it. */
  readonly isSent: boolean;
  /** Whole sentences: why it is not sent, and what about it looks like a mistake. */
  readonly notes: readonly string[];
  /** Every PlatformDefaults there is. */
  readonly defaults: readonly DefaultsExplanation[];
  /** Why it is refused. */
  readonly denied: string | undefined;
}

/** What decisions are made from, whoever sends. */
export type DecidingCluster = Pick<PreviewCluster, 'facts' | 'entries' | 'invalid'>;

/** What admission makes of a request, and why. */
export interface Admitted {
  readonly decision: Decision;
  /** `refusal`: why the API server refuses what came out. */
  readonly explanation: (refusal?: string) => ObjectExplanation;
}

/** What Quartermaster decides about a request that it is sent, or is not. */
export const explain = (request: AdmissionRequest, cluster: DecidingCluster, sending: Sending): Admitted => {
  const { facts } = cluster;
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
  // Of a change nothing is looked up anew, but where images come from.
  const isChange = request.operation === 'UPDATE';
  const explanation = (refusal?: string): ObjectExplanation => ({
    isSent: sending.isSent,
    notes: [...sending.reasons, ...notesOn(request.object, request.namespace ?? '', cluster)],
    denied: decision.denied ?? refusal,
    defaults: explainDefaults(cluster.entries, cluster.invalid, {
      targets: isChange ? [] : targets,
      subject: subjectOf(request, cluster),
      unasked: unaskedFor(request, sending),
      outcomes: decision.outcomes?.() ?? [],
      explain: decision.explain,
      denied: decision.denied ?? refusal,
      audited: decision.audited && {
        targets: isChange ? [] : auditTargets,
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
const subjectOf = (request: AdmissionRequest, { facts }: DecidingCluster): Subject => ({
  ...targetOf('WorkflowPod', request.object, request, facts),
  kind: request.object.kind,
});

const unaskedFor =
  ({ operation, object: { kind } }: AdmissionRequest, { reasons, missed = [] }: Sending) =>
  ({ spec: { match } }: Entry): string => {
    // Of webhooks for several, the one that would have sent it is the one that asks for least besides.
    const [own] = missed.filter(isFor(new Set(match.kinds))).toSorted((one, other) => one.unmet - other.unmet);
    const reason = own?.reason ?? reasons[0];
    if (reason !== undefined) return reason.replace(/\.$/, '');
    if (operation === 'UPDATE') return 'an update gives nothing anew: what the object was given when it was made stays';
    return kind === 'Pod' ? 'Quartermaster leaves such a pod alone' : 'Quartermaster leaves the object alone';
  };

const notesOn = (object: KubeObject, namespace: string, { facts }: DecidingCluster): readonly string[] => [
  ...nearMisses('The object', { labels: object.metadata.labels ?? {}, annotations: object.metadata.annotations ?? {} }),
  ...(namespace === '' ? [] : nearMisses(`Namespace ${namespace}`, { labels: facts.namespaceLabels(namespace) ?? {} })),
];
