import { afterEach, describe, expect, it } from 'vitest';
import {
  type MetadataScenario,
  type MetadataStub,
  metadataScenarios,
  startMetadataStub,
} from '../../../dev/stubs/metadata.ts';
import type { CloudVerdict } from '../../../src/api/facts.ts';
import type { NodeFact } from '../../../src/clouds/cloud.ts';
import { type DetectionInput, detectCloud } from '../../../src/clouds/detection/detector.ts';
import { startOwnClock } from '../../fixtures/own-clock.ts';

const node = (providerId: string, labels: Readonly<Record<string, string>> = {}): NodeFact => ({
  name: 'worker-1',
  providerId,
  labels,
});

/** So that what a service answers decides, not how soon; `against the clock` has the program's own. */
const PATIENT = { request: 3_000, deadline: 10_000 };

const stubs: MetadataStub[] = [];
afterEach(async () => {
  await Promise.all(stubs.splice(0).map(({ stop }) => stop()));
});

const start = async (scenario: MetadataScenario): Promise<MetadataStub> => {
  const stub = await startMetadataStub(scenario);
  stubs.push(stub);
  return stub;
};

const detect = async (scenario: MetadataScenario, input: Partial<DetectionInput> = {}): Promise<CloudVerdict> => {
  const { url } = await start(scenario);
  const given = { setting: 'auto', metadataEndpoint: url, facts: {}, nodes: [], csiDrivers: [], ...input } as const;
  return detectCloud(given, PATIENT);
};

const values = ({ facts }: CloudVerdict): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(facts).map(([name, { value }]) => [name, value]));

describe('detectCloud at a metadata service that answers as its cloud does', () => {
  it.each<readonly [MetadataScenario, Readonly<Record<string, string>>]>([
    ['aws', { account: '123456789012', region: 'us-west-2', zone: 'us-west-2b' }],
    [
      'gcp',
      {
        project: 'demo-project',
        zone: 'europe-west1-b',
        region: 'europe-west1',
        clusterName: 'demo',
        clusterLocation: 'europe-west1',
      },
    ],
    [
      'azure',
      {
        subscription: '8d10da13-8125-4ba9-a717-bf7490507b3d',
        region: 'westeurope',
        zone: 'westeurope-1',
        resourceGroup: 'MC_demo_demo_westeurope',
        azureEnvironment: 'AzurePublicCloud',
      },
    ],
    ['openstack', { zone: 'nova', project: '2f1b6a3f6d9c4c0fb4d6c2b3c9d1e0aa' }],
    [
      'oracle',
      {
        region: 'us-phoenix-1',
        zone: 'PHX-AD-1',
        availabilityDomain: 'qIZq:PHX-AD-1',
        compartment: 'ocid1.tenancy.oc1..aaaaaaaademo',
      },
    ],
    ['digitalocean', { region: 'nyc3' }],
    ['hetzner', { region: 'eu-central', zone: 'hel1-dc2' }],
  ])('names %s and learns its facts', async (scenario, facts) => {
    const verdict = await detect(scenario);
    expect(verdict.name).toBe(scenario);
    expect(values(verdict)).toEqual(facts);
    expect(Object.values(verdict.facts).every(({ source }) => source.startsWith('metadata /'))).toBe(true);
    expect(verdict.classOptions.length).toBeGreaterThan(0);
  });

  it('asks for Alibaba only where something hints at it', async () => {
    const unhinted = await start('alibaba');
    const nobody = await detectCloud({
      setting: 'auto',
      metadataEndpoint: unhinted.url,
      facts: {},
      nodes: [],
      csiDrivers: [],
    });
    expect(nobody.name).toBe('unknown');
    expect(unhinted.requests.some(({ headers }) => 'x-aliyun-ecs-metadata-token-ttl-seconds' in headers)).toBe(false);

    const facts = {
      region: 'cn-hangzhou',
      zone: 'cn-hangzhou-j',
      account: '123456',
      vpcId: 'vpc-bp1demo',
      vSwitchId: 'vsw-bp1demo',
    };
    const byNode = await detect('alibaba', { nodes: [node('cn-hangzhou.i-bp1demo')] });
    expect([byNode.name, values(byNode)]).toEqual(['alibaba', facts]);
    const bySetting = await detect('alibaba', { setting: 'alibaba' });
    expect([bySetting.name, values(bySetting)]).toEqual(['alibaba', facts]);
  });
});

describe('detectCloud at a metadata service that imitates another', () => {
  it.each<readonly [MetadataScenario, string]>([
    ['openstack-as-ec2', 'openstack'],
    ['oracle-v1', 'oracle'],
    ['ec2-proxy', 'aws'],
    ['ec2-proxy-without-identity', 'aws'],
  ])('sees through %s: %s', async (scenario, name) => {
    expect((await detect(scenario)).name).toBe(name);
  });

  it('refuses to choose between two clouds that do not imitate each other, and names both', async () => {
    const verdict = await detect('azure-and-gcp');
    expect(verdict.name).toBe('unknown');
    expect(verdict.facts).toEqual({});
    expect(verdict.notes.join()).toMatch(/azure and gcp/);
  });

  it.each<MetadataScenario>([
    'captive-portal',
    'empty-json',
    'server-error',
    'redirect',
    'huge',
    'reset',
    'not-http',
    'imds-disabled',
  ])('takes %s for no cloud at all', async (scenario) => {
    const verdict = await detect(scenario);
    expect(verdict.name).toBe('unknown');
    expect(verdict.notes).toHaveLength(1);
  });
});

describe('detectCloud with nodes', () => {
  it('takes what metadata lacks from providerIDs and labels, and says from where', async () => {
    const verdict = await detect('openstack', {
      nodes: [node('openstack:///b0fa911b', { 'topology.kubernetes.io/region': 'WAW3-1' })],
    });
    expect(verdict.name).toBe('openstack');
    expect(verdict.facts['region']).toEqual({ value: 'WAW3-1', source: 'node label topology.kubernetes.io/region' });
    expect(verdict.facts['zone']?.source).toBe('metadata /openstack/latest/meta_data.json');
  });

  it('names AWS behind a hop limit of 1 and says to raise it', async () => {
    const alone = await detect('hop-limit');
    expect(alone.name).toBe('aws');
    expect(alone.notes.join()).toMatch(/raise .*hop limit/);
    const withNodes = await detect('hop-limit', { nodes: [node('aws:///eu-west-1a/i-0abc')] });
    expect(values(withNodes)).toEqual({ zone: 'eu-west-1a', region: 'eu-west-1' });
    expect(withNodes.notes.join()).toMatch(/raise .*hop limit/);
  });

  it('refuses to choose where metadata and providerIDs contradict each other', async () => {
    const verdict = await detect('aws', { nodes: [node('gce://demo/europe-west1-b/worker-1')] });
    expect(verdict.name).toBe('unknown');
    expect(verdict.facts).toEqual({});
    expect(verdict.notes.join()).toMatch(/aws.*gcp/);
  });

  it.each<readonly [string, string, Readonly<Record<string, string>>]>([
    ['aws:///us-west-2-lax-1a/i-0abc', 'aws', { zone: 'us-west-2-lax-1a', region: 'us-west-2' }],
    ['gce://demo/europe-west1-b/worker-1', 'gcp', { project: 'demo', zone: 'europe-west1-b', region: 'europe-west1' }],
    [
      'azure:///subscriptions/sub-1/resourceGroups/MC_rg/providers/Microsoft.Compute/virtualMachineScaleSets/x/virtualMachines/0',
      'azure',
      { subscription: 'sub-1', resourceGroup: 'MC_rg' },
    ],
    ['openstack:///b0fa911b', 'openstack', {}],
    ['openstack://GRA9/b0fa911b', 'openstack', { region: 'GRA9' }],
    ['alicloud://cn-hangzhou.i-bp1', 'alibaba', { region: 'cn-hangzhou' }],
    ['cn-hangzhou.i-bp1', 'alibaba', { region: 'cn-hangzhou' }],
    ['oci://ocid1.instance.oc1.phx.anyhql', 'oracle', { region: 'phx' }],
    ['ocid1.instance.oc1.eu-frankfurt-1.anyhql', 'oracle', { region: 'eu-frankfurt-1' }],
    ['digitalocean://27223699', 'digitalocean', {}],
    ['hcloud://123456', 'hetzner', {}],
    ['hrobot://123456', 'hetzner', {}],
    ['kind://docker/kind/kind-control-plane', 'local', {}],
    ['k3s://worker-1', 'local', {}],
    ['', 'local', {}],
    ['linode://123456', 'unknown', {}],
  ])('goes by providerID %s where no metadata answers: %s', async (providerId, name, facts) => {
    const verdict = await detect('reset', { nodes: [node(providerId)] });
    expect(verdict.name).toBe(name);
    expect(values(verdict)).toEqual(facts);
  });
});

describe('detectCloud with settings', () => {
  it('believes CLOUD, asks that cloud alone, and says what speaks against it', async () => {
    const stub = await start('gcp');
    const nodes = [node('aws:///eu-west-1a/i-0abc')];
    const input = { setting: 'gcp', metadataEndpoint: stub.url, facts: {}, nodes, csiDrivers: [] } as const;
    const verdict = await detectCloud(input, PATIENT);
    expect(verdict.name).toBe('gcp');
    expect(verdict.facts['project']?.value).toBe('demo-project');
    expect(verdict.notes.join(' ')).toMatch(/CLOUD is set to gcp\. .*aws nevertheless/);
    expect(stub.requests.every(({ path }) => path.startsWith('/computeMetadata/'))).toBe(true);
  });

  it('believes CLOUD though its metadata is out of reach', async () => {
    const verdict = await detect('reset', { setting: 'aws' });
    expect(verdict.name).toBe('aws');
    expect(verdict.notes.join(' ')).toMatch(/did not answer as aws does/);
  });

  it('asks nobody where CLOUD is local', async () => {
    const stub = await start('aws');
    const verdict = await detectCloud({
      setting: 'local',
      metadataEndpoint: stub.url,
      facts: {},
      nodes: [],
      csiDrivers: [],
    });
    expect(verdict.name).toBe('local');
    expect(stub.requests).toEqual([]);
  });

  it('lets FACTS win over what was found out, and names those it does not know', async () => {
    const verdict = await detect('aws', {
      facts: { region: 'eu-west-1', efsFileSystemId: 'fs-1', colour: 'blue', constructor: 'x' },
    });
    expect(verdict.facts['region']).toEqual({ value: 'eu-west-1', source: 'setting FACTS' });
    expect(verdict.facts['efsFileSystemId']?.value).toBe('fs-1');
    expect(verdict.facts['account']?.value).toBe('123456789012');
    expect(verdict.facts).not.toHaveProperty('colour');
    expect(verdict.notes.join()).toMatch(/FACTS names colour, constructor, which is no fact/);
  });
});

describe('detectCloud against the clock', () => {
  it.each(metadataScenarios)('ends within 2.5 s at %s', { concurrent: true }, async (scenario) => {
    const stub = await startMetadataStub(scenario);
    using clock = startOwnClock();
    await detectCloud({
      setting: 'auto',
      metadataEndpoint: stub.url,
      facts: {},
      nodes: [node('cn-hangzhou.i-bp1demo')],
      csiDrivers: [],
    });
    const tookMs = clock.ms();
    await stub.stop();
    expect(tookMs).toBeLessThan(2_500);
  });
});
