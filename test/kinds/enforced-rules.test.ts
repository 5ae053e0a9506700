import { describe, expect, it } from 'vitest';
import type { Asked } from '../../src/api/admission.ts';
import { webhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { enforcedRules } from '../../src/kinds/index.ts';

const geo: Asked = {
  kinds: ['PersistentVolumeClaim', 'WorkflowPod', 'RayNode'],
  labels: [{ key: 'team', operator: 'In', values: ['geo'] }],
  namespaceLabels: [],
};
const team = { key: 'team', operator: 'In', values: ['geo'] };

describe('webhooks for what is enforced', () => {
  it('are none where nothing is', () => {
    expect(enforcedRules([], [])).toEqual([]);
  });

  it('are sent what it is enforced for, and nothing else', () => {
    const sent = enforcedRules([geo], []).map(({ name, calledName, objectSelector }) => ({
      name,
      calledName,
      keys: objectSelector?.matchExpressions?.map(({ key }) => key),
    }));
    expect(sent).toEqual([
      { name: 'persistent-volume-claim-enforced', calledName: 'enforced', keys: ['team'] },
      { name: 'workflow-pod-enforced', calledName: 'enforced', keys: ['workflows.argoproj.io/workflow', 'team'] },
      { name: 'pod-enforced', calledName: 'enforced', keys: ['ray.io/is-ray-node', 'ray.io/cluster', 'team'] },
    ]);
    expect(enforcedRules([geo], [])[0]?.objectSelector?.matchExpressions).toEqual([team]);
  });

  it('are not asked about what users do who are exempt', () => {
    const [rule] = enforcedRules([geo], ['system:serviceaccount:argo:argo']);
    expect(rule?.matchConditions?.at(-1)).toEqual({
      name: 'not-exempt',
      expression: '!(request.userInfo.username in ["system:serviceaccount:argo:argo"])',
    });
  });

  it('fail closed where that is chosen, once a replica has answered', () => {
    const policiesOf = (failsClosed: boolean) =>
      webhookConfiguration({
        name: 'quartermaster',
        rules: enforcedRules([geo], []),
        target: { service: { name: 'quartermaster', namespace: 'quartermaster-system' } },
        caBundle: undefined,
        systemNamespace: 'quartermaster-system',
        nfsNamespace: 'quartermaster-nfs',
        failurePolicies: { enforced: 'Fail' },
        failsClosed,
        account: { namespace: 'quartermaster-system', name: 'quartermaster' },
      }).webhooks?.map(({ failurePolicy }) => failurePolicy);
    expect(policiesOf(false)).toEqual(['Ignore', 'Ignore', 'Ignore']);
    expect(policiesOf(true)).toEqual(['Ignore', 'Ignore', 'Ignore', 'Fail', 'Fail', 'Fail']);
  });
});
