import { expect, it } from 'vitest';
import type { Asked } from '../../../src/api/admission.ts';
import { webhookConfiguration } from '../../../src/controller/webhooks/configuration.ts';
import { rulesInForce } from '../../../src/kinds/pod/webhook-rules.ts';

const askedOf = (app: string): Asked => ({
  kinds: ['Pod'],
  labels: [{ key: 'app', operator: 'In', values: [app] }],
  namespaceLabels: [],
});

it('holds for every webhook that pods come by, however many there are', () => {
  const { webhooks = [] } = webhookConfiguration({
    name: 'quartermaster',
    rules: rulesInForce(['api', 'web', 'batch'].map(askedOf)),
    target: { url: 'https://127.0.0.1/' },
    caBundle: undefined,
    systemNamespace: 'home',
    nfsNamespace: 'nfs',
    failsClosed: true,
    failurePolicies: { pod: 'Fail' },
  });
  expect(webhooks?.map(({ name, failurePolicy }) => [name, failurePolicy])).toEqual([
    ['pod.quartermaster.dev', 'Fail'],
    ['pod-2.quartermaster.dev', 'Fail'],
    ['pod-3.quartermaster.dev', 'Fail'],
  ]);
});
