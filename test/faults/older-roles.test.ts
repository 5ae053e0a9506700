import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isReady, type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { NAME } from '../../src/install/options.ts';
import { clusterPermissions } from '../../src/install/rbac.ts';
import type { Resource } from '../../src/kube/api-server.ts';
import type { HealthAnswer } from '../../src/ops/status-api.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { prepareSpark } from '../fixtures/spark-world.ts';
import { isAdmitting } from './direct-review.ts';

const clusterRoles: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterroles',
  kind: 'ClusterRole',
  isNamespaced: false,
};

let cluster: ShippedCluster;
let replica: ServeProcess | undefined;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await prepareSpark(cluster.admin);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
});

/** The ClusterRole as a version had it that did not read `without` yet. */
const putRole = async (...without: readonly string[]): Promise<void> => {
  const rules = clusterPermissions.filter(({ resources }) => !without.some((resource) => resources.includes(resource)));
  await cluster.admin.mergePatch(clusterRoles, { namespace: '', name: NAME }, { rules });
};

const restoreRole = (): Promise<void> => putRole();

const readiness = async (): Promise<string> => (await fetch(`${replica?.opsUrl}/readyz`)).text();
const unreadable = async (): Promise<readonly string[] | undefined> => {
  const answer = (await (await fetch(`${replica?.opsUrl}/api/v1/health`)).json()) as HealthAnswer;
  return answer.replicas[0]?.unreadable;
};
const told = (kind: string): readonly string[] =>
  replica?.lines().filter((line) => line.includes(`"${kind}"`) && line.includes('apply the roles')) ?? [];

describe('a replica whose roles are those of an earlier version', () => {
  it('is ready and admits without what it could do without, says so once, and has it when the roles come', async () => {
    await putRole('volumeattributesclasses', 'mutatingwebhookconfigurations');
    replica = await startReplica(cluster);
    await untilReady(replica);
    expect(await isAdmitting(replica)).toBe(true);
    expect(new Set(await unreadable())).toEqual(new Set(['volumeattributesclasses', 'mutatingwebhookconfigurations']));
    // Lines are written on the side, a moment later.
    await expect.poll(() => told('VolumeAttributesClass')).toHaveLength(1);
    const page = await (await fetch(`${replica.opsUrl}/health`)).text();
    expect(page).toContain('may not list and watch volumeattributesclasses');
    await restoreRole();
    await expect.poll(unreadable, { timeout: 60_000 }).toEqual([]);
    expect(await replica.stop()).toBe(0);
  });

  it('is not ready without what it must know, and says what it may not read and what to do', async () => {
    await putRole('csidrivers');
    replica = await startReplica(cluster);
    await expect
      .poll(() => readiness().catch(() => ''), { timeout: 30_000 })
      .toContain('the cache of csiDrivers (which may not be listed and watched: apply the roles of this version)');
    expect(await isReady(replica)).toBe(false);
    await restoreRole();
    await untilReady(replica, 60_000);
  });
});
