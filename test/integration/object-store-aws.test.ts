import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AwsS3Stub, startAwsS3Stub } from '../../dev/stubs/aws-s3.ts';
import { type IamStub, startIamStub } from '../../dev/stubs/iam.ts';
import type { ObjectStore } from '../../src/api/object-store.ts';
import {
  conditionOf,
  type ObjectStoreCluster,
  type RunningController,
  startObjectStoreCluster,
  until,
  type Wraps,
} from '../fixtures/object-store-cluster.ts';
import { issuerOf, tokenFor } from '../fixtures/service-account-token.ts';

let iam: IamStub;
let s3: AwsS3Stub;
let cluster: ObjectStoreCluster;
let controller: RunningController;
let onAws: Wraps;
let directory: string;

const OWNER = 'AKIAPLATFORM00000000';

beforeAll(async () => {
  [iam, cluster, directory] = await Promise.all([
    startIamStub(),
    startObjectStoreCluster(),
    mkdtemp(join(tmpdir(), 'workload-')),
  ]);
  s3 = await startAwsS3Stub({ owner: OWNER, mayDo: iam.mayDo });
  // The SDK's own way to other addresses than those of AWS.
  vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.endpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_IAM', iam.endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', OWNER);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  const issuer = (await issuerOf(cluster.controlPlane)).replace('https://', '');
  onAws = {
    world: { cloud: 'aws', region: 'eu-west-1' },
    resyncMs: 2_000,
    identities: { awsOidcProvider: `arn:aws:iam::123456789012:oidc-provider/${issuer}` },
  };
  controller = cluster.run(onAws);
});

afterAll(async () => {
  await cluster?.stop();
  await Promise.all([s3, iam].map((each) => each?.stop()));
  await rm(directory, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

const SCRIPT = `
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
const client = new S3Client({ region: 'eu-west-1', maxAttempts: 1 });
const tried = (command) => client.send(command).then(() => 'done', (error) => error.name);
const [bucket, key] = process.argv.slice(1);
const put = await tried(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'content' }));
const get = await tried(new GetObjectCommand({ Bucket: bucket, Key: key }));
console.log(JSON.stringify({ put, get }));
`;

/** A program with the vendor's client in a pod of that service account, with what IRSA's webhook gives such pods. */
const workload = async (account: string, role: string, bucket: string): Promise<unknown> => {
  const file = join(directory, account);
  await writeFile(file, await tokenFor(cluster.controlPlane, account, 'sts.amazonaws.com'));
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, bucket, `of-${account}`], {
    env: {
      PATH: process.env['PATH'],
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ENDPOINT_URL_STS: iam.endpoint,
      AWS_ROLE_ARN: role,
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(output) as unknown;
};

const accessOf = (name: string, serviceAccount: string): Promise<NonNullable<ObjectStore['status']>> =>
  until(`${serviceAccount} has access to ${name}`, async () => {
    const store = await cluster.read(name);
    const { access } = store?.status ?? {};
    const isGiven = access?.serviceAccount === serviceAccount && access.identity !== undefined;
    return isGiven && conditionOf(store, 'Synced')?.status === 'True' && store?.status;
  });

const bucketPolicyOf = (role: string): string =>
  iam.roles.get(role.split('/').at(-1) ?? '')?.policies.get('bucket') ?? '';

const denied = { put: 'AccessDenied', get: 'AccessDenied' };

describe('an ObjectStore on AWS with access for a service account', () => {
  it('opens its bucket to pods of that account and no other, by their own tokens', async () => {
    await cluster.submit('history', { name: 'acme-history', access: { serviceAccount: 'spark' } });
    await cluster.submit('others', { name: 'acme-others', access: { serviceAccount: 'theirs' } });
    const role = (await accessOf('history', 'spark')).access?.identity ?? '';
    await accessOf('others', 'theirs');
    expect(role).toMatch(/^arn:aws:iam::123456789012:role\/quartermaster\/quartermaster-/);
    expect(await workload('spark', role, 'acme-history')).toEqual({ put: 'done', get: 'done' });
    expect(await workload('spark', role, 'acme-others')).toEqual(denied);
    expect(await workload('intruder', role, 'acme-history')).toEqual({ put: 'AccessDenied', get: 'AccessDenied' });
    expect(await cluster.secret('history-objectstore')).toBeUndefined();
    expect(iam.users.size).toBe(0);
  });

  it('is read-only where that is asked for, and keeps its role', async () => {
    const before = (await cluster.read('history'))?.status?.access?.identity ?? '';
    await cluster.change('history', { access: { mode: 'ReadOnly' } });
    await until('it may not write', () => Promise.resolve(!bucketPolicyOf(before).includes('s3:PutObject')));
    expect(await workload('spark', before, 'acme-history')).toEqual({ put: 'AccessDenied', get: 'done' });
    expect((await accessOf('history', 'spark')).access?.identity).toBe(before);
  });

  it('comes to another account when it is named, from a controller that was killed halfway', async () => {
    const role = (await accessOf('history', 'spark')).access?.identity ?? '';
    iam.refuseNext('PutRolePolicy', 503, 'ServiceUnavailable');
    await cluster.change('history', { access: { mode: 'ReadWrite', serviceAccount: 'flink' } });
    await until('the role of before is gone, or made anew', async () => {
      const trust = iam.roles.get(role.split('/').at(-1) ?? '')?.trust ?? '';
      return Promise.resolve(!trust.includes(':spark'));
    });
    await controller.kill();
    controller = cluster.run(onAws);
    const next = (await accessOf('history', 'flink')).access?.identity ?? '';
    expect(await workload('flink', next, 'acme-history')).toEqual({ put: 'done', get: 'done' });
    expect(await workload('spark', next, 'acme-history')).toEqual(denied);
    expect(iam.roles.size).toBe(2);
  });

  it('gives keys in its place, and leaves neither role nor user behind when it goes', async () => {
    await cluster.change('others', { access: { serviceAccount: null } });
    await until('there are keys', async () => (await cluster.read('others'))?.status?.access?.keyId);
    expect([iam.roles.size, iam.users.size]).toEqual([1, 1]);
    for (const name of ['history', 'others']) await cluster.remove(name);
    for (const name of ['history', 'others'])
      await until(`${name} is gone`, async () => (await cluster.read(name)) === undefined);
    expect([iam.roles.size, iam.users.size]).toEqual([0, 0]);
    expect([...s3.buckets.keys()].toSorted()).toEqual(['acme-history', 'acme-others']);
  });

  it('says which setting is missing where the platform named no way', async () => {
    await controller.kill();
    controller = cluster.run({ ...onAws, identities: {} });
    await cluster.submit('unknown', { name: 'acme-unknown', access: { serviceAccount: 'spark' } });
    const synced = await until('it says so', async () => {
      const condition = conditionOf(await cluster.read('unknown'), 'Synced');
      return condition?.reason === 'UnsupportedFeature' && condition;
    });
    expect(synced.message).toContain('AWS_OIDC_PROVIDER');
    expect(conditionOf(await cluster.read('unknown'), 'Ready')?.status).toBe('True');
    await cluster.remove('unknown');
    await until('it is gone', async () => (await cluster.read('unknown')) === undefined);
  });
});
