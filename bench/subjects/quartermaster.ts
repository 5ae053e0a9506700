import { readFileSync } from 'node:fs';
import { ensureNothing } from '../../src/admission/handler.ts';
import { createWebhookServer } from '../../src/admission/server.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { offlineFacts } from '../../src/cli/described-cluster.ts';
import { verdictFor } from '../../src/clouds/index.ts';
import { createTallies } from '../../src/defaults/admissions/tally.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { createHandler } from '../../src/kinds/index.ts';
import { createDecisionLog } from '../../src/ops/decisions.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { observeAdmissions } from '../../src/server/webhook.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { platformDefaults, tenantDefaults } from '../defaults.ts';

// Quartermaster's own server, handler, patch, metrics and log, with facts that are described instead of watched.
// Usage: node bench/subjects/quartermaster.ts PORT CERT KEY [NUMBER_OF_DEFAULTS NUMBER_THAT_MATCH NUMBER_OF_NAMESPACES]

const [port, cert = '', key = '', defaults = '0', matching = '0', namespaces = '0'] = process.argv.slice(2);
const policy = policyOf(readSettings({}));
const tenants = Array.from({ length: Number(namespaces) }, (_, index) => `tenant-${index}`);
const namespaceObjects = tenants.map(
  (name): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { tenant: name } } }),
);
const list = [...platformDefaults(Number(defaults), Number(matching)), ...tenants.map(tenantDefaults)];
const facts = offlineFacts({
  cloud: verdictFor('gcp', {}, []),
  csiDrivers: ['pd.csi.storage.gke.io'],
  defaults: indexDefaults(list, policy),
  policy,
  namespaceLabels: {},
  objects: [
    { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'present' } },
    ...namespaceObjects,
  ],
});
const log = createLog('info');
const observe = observeAdmissions(
  { log, metrics: createMetrics(), counted: createTallies(Date.now, 'quartermaster-system') },
  createDecisionLog({ capacity: 100, now: () => new Date() }),
);
const handle = createHandler({ facts: () => facts, ensure: ensureNothing, observe });
createWebhookServer({ cert: readFileSync(cert), key: readFileSync(key) }, handle, log).server.listen(
  Number(port),
  '127.0.0.1',
);
