import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../../src/api/facts.ts';
import type { NodeFact, ProbeResult } from '../../../src/clouds/cloud.ts';
import { judge, readNodes } from '../../../src/clouds/detection/evidence.ts';
import { clouds } from '../../../src/clouds/index.ts';

const match: ProbeResult = { kind: 'match', facts: {} };
const blocked: ProbeResult = { kind: 'blocked', why: 'raise the hop limit' };

const nodesOf = (...providerIds: readonly string[]): readonly NodeFact[] =>
  providerIds.map((providerId, at) => ({ name: `worker-${at}`, providerId, labels: {} }));

interface Case {
  readonly title: string;
  readonly probes?: Readonly<Partial<Record<CloudName, ProbeResult>>>;
  readonly providerIds?: readonly string[];
  readonly csiDrivers?: readonly string[];
  readonly name: CloudName;
  readonly note?: RegExp;
}

const cases: readonly Case[] = [
  { title: 'believes a signature where nodes say nothing', probes: { aws: match }, providerIds: [''], name: 'aws' },
  {
    title: 'believes a signature that nodes confirm',
    probes: { gcp: match },
    providerIds: ['gce://p/z-a/n'],
    name: 'gcp',
  },
  {
    title: 'takes the imitator for itself where both signatures are there',
    probes: { openstack: match, aws: match, oracle: match },
    name: 'oracle',
  },
  {
    title: 'refuses two signatures of clouds that do not imitate each other, though nodes name one',
    probes: { azure: match, gcp: match },
    providerIds: ['gce://p/z-a/n'],
    name: 'unknown',
    note: /azure and gcp/,
  },
  {
    title: 'refuses a signature that nodes contradict',
    probes: { azure: match },
    providerIds: ['aws:///eu-west-1a/i-1'],
    name: 'unknown',
    note: /azure.*aws/,
  },
  {
    title: 'refuses a signature that nodes of a stranger contradict',
    probes: { gcp: match },
    providerIds: ['yandex://fhm123'],
    name: 'unknown',
    note: /gcp.*yandex/,
  },
  {
    title: 'goes by the nodes where metadata shows no more than a tree their cloud imitates',
    probes: { aws: match },
    providerIds: ['openstack:///b0fa911b'],
    name: 'openstack',
    note: /facts are missing/,
  },
  {
    title: 'refuses nodes that contradict each other',
    providerIds: ['aws:///eu-west-1a/i-1', 'gce://p/z-a/n'],
    name: 'unknown',
    note: /gcp and aws/,
  },
  {
    title: 'takes Hetzner’s two kinds of servers for one cloud',
    providerIds: ['hcloud://1', 'hrobot://2'],
    name: 'hetzner',
  },
  {
    title: 'lets nodes decide over a service that is out of reach',
    probes: { aws: blocked },
    providerIds: ['openstack:///b0fa911b'],
    name: 'openstack',
  },
  { title: 'names a cloud that is there but out of reach', probes: { aws: blocked }, name: 'aws', note: /hop limit/ },
  {
    title: 'takes kind on a cloud machine for local',
    probes: { aws: match },
    providerIds: ['kind://docker/kind/worker'],
    name: 'local',
    note: /machine of aws/,
  },
  {
    title: 'takes k3s for the cloud whose driver is installed',
    probes: { aws: match },
    providerIds: ['k3s://worker-1'],
    csiDrivers: ['ebs.csi.aws.com'],
    name: 'aws',
  },
  {
    title: 'goes by the only cloud driver installed where nothing else speaks',
    providerIds: [''],
    csiDrivers: ['cinder.csi.openstack.org', 'nfs.csi.k8s.io'],
    name: 'openstack',
    note: /CSI driver/,
  },
  {
    title: 'takes drivers of two clouds for no sign',
    providerIds: [''],
    csiDrivers: ['cinder.csi.openstack.org', 'ebs.csi.aws.com'],
    name: 'local',
  },
  { title: 'calls a cluster local where nobody names a cloud', providerIds: ['', ''], name: 'local' },
  { title: 'does not know where there is neither answer nor node', name: 'unknown', note: /set CLOUD/ },
];

describe('judge', () => {
  it.each(cases)('$title', ({ probes = {}, providerIds = [], csiDrivers = [], name, note = /./ }) => {
    const answers = new Map(clouds.map((cloud) => [cloud.name, probes[cloud.name] ?? { kind: 'no' as const }]));
    const judgement = judge({ clouds, probes: answers, nodes: readNodes(nodesOf(...providerIds), clouds), csiDrivers });
    expect(judgement.name).toBe(name);
    expect(judgement.notes.join(' ')).toMatch(note);
  });
});

describe('readNodes', () => {
  it('keeps of the providerIDs’ facts what all nodes agree on', () => {
    const nodes = nodesOf('gce://demo/europe-west1-b/a', 'gce://demo/europe-west1-c/b', '');
    expect(readNodes(nodes, clouds).clouds.get('gcp')).toEqual({
      project: { value: 'demo', source: 'node worker-0 providerID' },
      region: { value: 'europe-west1', source: 'node worker-0 providerID' },
    });
  });

  it('keeps a label’s value only where it is one and the same', () => {
    const labelled = (region: string, zone: string): NodeFact => ({
      name: zone,
      providerId: '',
      labels: { 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': zone },
    });
    const { labels } = readNodes([labelled('GRA9', 'a'), labelled('GRA9', 'b')], clouds);
    expect(Object.keys(labels)).toEqual(['region']);
  });

  it('takes nothing from a providerID that could not be a fact', () => {
    expect(readNodes(nodesOf('gce://<script>/x y/n'), clouds).clouds.get('gcp')).toEqual({});
  });
});
