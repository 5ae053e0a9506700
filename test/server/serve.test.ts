import { expect, it } from 'vitest';
import { createLog } from '../../src/ops/log.ts';
import { serve } from '../../src/server/serve.ts';
import { readSettings } from '../../src/settings/config.ts';

const start = (environment: Readonly<Record<string, string>>): Promise<number> =>
  serve({
    settings: readSettings(environment),
    mode: { webhook: true, controller: true },
    environment: { HOME: '/nonexistent' },
    log: createLog('silent'),
    shutdownSignal: AbortSignal.abort(),
  });

it.each([
  ['enforce', 'enforced'],
  ['spark-aplication', 'spark-application'],
])(
  'does not start with a failure policy for %s, which would leave open what is to fail closed',
  async (name, meant) => {
    await expect(start({ FAILURE_POLICY: `pod=Fail,${name}=Fail` })).rejects.toThrow(
      `FAILURE_POLICY: there is no webhook ${name} (did you mean ${meant}?), only persistent-volume-claim, `,
    );
  },
);

it('goes on with failure policies for webhooks that there are', async () => {
  await expect(start({ FAILURE_POLICY: 'enforced=Fail,spark-application=Ignore' })).rejects.toThrow('No cluster');
});
