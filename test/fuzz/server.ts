import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { ensureStorageClasses } from '../../src/admission/handler.ts';
import { createWebhookServer } from '../../src/admission/server.ts';
import { createTallies } from '../../src/defaults/admissions/tally.ts';
import { indexEntries } from '../../src/defaults/entries-index.ts';
import { entryOf } from '../../src/defaults/entry.ts';
import { createHandler } from '../../src/kinds/index.ts';
import { createDecisionLog } from '../../src/ops/decisions.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { explainSent } from '../../src/server/status.ts';
import { listen, observeAdmissions } from '../../src/server/webhook.ts';
import { hostileDefaults, platformRules } from '../faults/attacks.ts';
import { system } from '../fixtures/defaults.ts';
import { readSeeds } from '../fixtures/fuzz-seeds.ts';

// The webhook server in a process of its own, in the clusters of the golden cases in turn, or in one of Calrissian where the
// platform enforces what platforms do and a tenant has what PlatformDefaults cost most; posts its port once it listens.
// Usage: node test/fuzz/server.ts CERT KEY [hostile]

const [cert = '', key = '', isHostile] = process.argv.slice(2);
const given = isHostile === undefined ? [] : [...hostileDefaults(), ...platformRules()];
const entries = given.map((defaults) => entryOf(defaults, system));
const hostileWorlds = () =>
  readSeeds()
    .filter(({ name }) => name.startsWith('calrissian-pod/'))
    .slice(0, 1)
    .map(({ facts }) => ({ ...facts, defaults: indexEntries(entries) }));
const worlds = isHostile === undefined ? readSeeds().map(({ facts }) => facts) : hostileWorlds();
const [first] = worlds;
if (first === undefined) throw new Error('there are no golden cases');
let turn = 0;
const facts = () => worlds[turn++ % worlds.length] ?? first;

const log = createLog('info');
const observe = observeAdmissions(
  { log, metrics: createMetrics(), counted: createTallies(Date.now, 'quartermaster-system') },
  createDecisionLog({
    capacity: 100,
    now: () => new Date(),
    explain: explainSent(() => ({ facts: facts(), entries, invalid: [] }), system.systemNamespace),
  }),
);
/** Takes every StorageClass. */
const kube = { create: <T>(_resource: unknown, object: T) => Promise.resolve(object) };
const handle = createHandler({ facts, ensure: ensureStorageClasses(kube, 2_000), observe });
const { server } = createWebhookServer({ cert: readFileSync(cert), key: readFileSync(key) }, handle, log);
await listen(server, { host: '127.0.0.1', port: 0, setting: 'the port of this test' });
process.send?.((server.address() as AddressInfo).port);
