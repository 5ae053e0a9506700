import { describe, expect, it } from 'vitest';
import { webhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { installedWebhooks, webhooksOf } from '../../src/explanation/webhook-rules.ts';
import { rulesInForce } from '../../src/kinds/index.ts';

describe('the webhooks that preview goes by', () => {
  it('are the same whether those on the cluster fail closed or ignore failures', () => {
    const rules = rulesInForce([]);
    const account = { namespace: 'home', name: 'quartermaster' };
    const configuration = webhookConfiguration({
      name: 'quartermaster',
      rules,
      target: { url: 'https://127.0.0.1/' },
      caBundle: undefined,
      systemNamespace: 'home',
      nfsNamespace: 'nfs',
      failsClosed: true,
      account,
    });
    expect(configuration.webhooks?.length).toBeGreaterThan(rules.length);
    const sent = ({ name, matchConditions = [] }: ReturnType<typeof webhooksOf>[number]) => [name, matchConditions];
    expect(webhooksOf(configuration).map(sent)).toEqual(installedWebhooks('home', 'nfs').map(sent));
  });
});
