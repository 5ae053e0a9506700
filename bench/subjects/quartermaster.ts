// Quartermaster's own server, handler and patch, with facts that are described instead of watched.
// Usage: node bench/subjects/quartermaster.ts PORT CERT KEY NUMBER_OF_DEFAULTS NUMBER_THAT_MATCH
import { readFileSync } from 'node:fs';
import { ensureNothing } from '../../src/admission/ensure.ts';
import { createHandler } from '../../src/admission/handle.ts';
import { createWebhookServer } from '../../src/admission/server.ts';
import { offlineFacts } from '../../src/cli/offline-facts.ts';
import { verdictFor } from '../../src/cloud/index.ts';
import { policyOf, readSettings } from '../../src/config.ts';
import { indexDefaults } from '../../src/defaults/index.ts';
import { createLog } from '../../src/log.ts';
import { platformDefaults } from '../defaults.ts';

const [port, cert = '', key = '', defaults = '0', matching = '0'] = process.argv.slice(2);
const policy = policyOf(readSettings({}));
const facts = offlineFacts({
  cloud: verdictFor('gcp', {}, []),
  csiDrivers: ['pd.csi.storage.gke.io'],
  defaults: indexDefaults(platformDefaults(Number(defaults), Number(matching)), policy),
  policy,
  namespaceLabels: {},
  objects: [{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'present' } }],
});
const handle = createHandler({ facts: () => facts, ensure: ensureNothing });
createWebhookServer({ cert: readFileSync(cert), key: readFileSync(key) }, handle, createLog('error')).server.listen(
  Number(port),
  '127.0.0.1',
  () => process.stdout.write('ready\n'),
);
