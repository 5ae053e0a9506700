import type { IncomingHttpHeaders } from 'node:http';

export interface StubRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

interface StubReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A metadata service: what it answers, undefined for paths it does not know. */
export type Service = (request: StubRequest) => StubReply | undefined;

const ok = (body: string, headers: Readonly<Record<string, string>> = {}): StubReply => ({
  status: 200,
  headers,
  body,
});
const refuse = (status: number, body: string): StubReply => ({ status, body });
const json = (value: unknown): StubReply => ok(JSON.stringify(value), { 'Content-Type': 'application/json' });

/** Plain text at fixed paths. */
const tree =
  (leaves: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): Service =>
  ({ method, path }) => {
    const leaf = Object.hasOwn(leaves, path) ? leaves[path] : undefined;
    return method === 'GET' && leaf !== undefined ? ok(leaf, headers) : undefined;
  };

const only =
  (path: string, reply: (request: StubRequest) => StubReply): Service =>
  (request) =>
    request.path === path && request.method === 'GET' ? reply(request) : undefined;

/** The first service that knows the path answers. */
export const join =
  (...services: readonly Service[]): Service =>
  (request) => {
    for (const service of services) {
      const reply = service(request);
      if (reply !== undefined) return reply;
    }
    return undefined;
  };

const TOKEN = 'AQAEAHX0Uw3Ohb5kXWWlGqZ2mT7lIuQ0fVtO0b1RkzjPq9c8aY2mWg==';

const handOutToken = (ttlHeader: string, { headers }: StubRequest): StubReply => {
  if (headers['x-forwarded-for'] !== undefined) return refuse(403, '403 - Forbidden');
  const ttl = headers[ttlHeader];
  return typeof ttl === 'string' ? ok(TOKEN, { [ttlHeader]: ttl }) : refuse(400, '400 - Bad Request');
};

/** Refuses GETs without the token that a PUT with `ttlHeader` hands out, as IMDSv2 does. */
const guarded =
  (tokenHeader: string, ttlHeader: string, service: Service): Service =>
  (request) => {
    const { method, path, headers } = request;
    if (method === 'PUT' && path === '/latest/api/token') return handOutToken(ttlHeader, request);
    if (method !== 'GET') return undefined;
    return headers[tokenHeader] === TOKEN ? service(request) : refuse(401, '401 - Unauthorized');
  };

const identityDocument = JSON.stringify({
  accountId: '123456789012',
  architecture: 'x86_64',
  availabilityZone: 'us-west-2b',
  imageId: 'ami-5fb8c835',
  instanceId: 'i-1234567890abcdef0',
  instanceType: 't2.micro',
  pendingTime: '2016-11-19T16:32:11Z',
  privateIp: '10.158.112.84',
  region: 'us-west-2',
  version: '2017-09-30',
});

/** EC2's tree with nothing in front of it, as version 1 of IMDS and some proxies serve it. */
export const ec2Tree: Service = tree({
  '/latest/dynamic/instance-identity/document': identityDocument,
  '/latest/meta-data/instance-id': 'i-1234567890abcdef0',
  '/latest/meta-data/placement/region': 'us-west-2',
  '/latest/meta-data/placement/availability-zone': 'us-west-2b',
});

/** What Nova shows to clients that were written for EC2. */
const novaEc2Tree: Service = tree({
  '/latest/meta-data/': 'ami-id\nhostname\ninstance-id\nplacement/',
  '/latest/meta-data/ami-id': 'ami-00000001',
  '/latest/meta-data/instance-id': 'i-00000001',
  '/latest/meta-data/placement/availability-zone': 'nova',
});

/** Version 2 of IMDS: every GET needs the token, and forwarded requests get none. */
export const imdsV2 = (service: Service): Service =>
  guarded('x-aws-ec2-metadata-token', 'x-aws-ec2-metadata-token-ttl-seconds', service);

export const aws: Service = imdsV2(ec2Tree);

const gcpLeaves = tree(
  {
    '/computeMetadata/v1/project/project-id': 'demo-project',
    '/computeMetadata/v1/instance/zone': 'projects/123456789/zones/europe-west1-b',
    '/computeMetadata/v1/instance/attributes/cluster-name': 'demo',
    '/computeMetadata/v1/instance/attributes/cluster-location': 'europe-west1',
  },
  { 'Metadata-Flavor': 'Google', Server: 'GKE Metadata Server' },
);

export const gcp: Service = (request) => {
  if (!request.path.startsWith('/computeMetadata/')) return undefined;
  const isAllowed = request.headers['metadata-flavor'] === 'Google' && request.headers['x-forwarded-for'] === undefined;
  return isAllowed ? gcpLeaves(request) : refuse(403, 'Missing Metadata-Flavor:Google header.');
};

const azureInstance = {
  compute: {
    azEnvironment: 'AzurePublicCloud',
    location: 'westeurope',
    name: 'aks-nodepool1-12345678-vmss_0',
    osType: 'Linux',
    resourceGroupName: 'MC_demo_demo_westeurope',
    subscriptionId: '8d10da13-8125-4ba9-a717-bf7490507b3d',
    vmScaleSetName: 'aks-nodepool1-12345678-vmss',
    zone: '1',
    tagsList: [],
  },
  network: { interface: [] },
};

export const azure: Service = (request) => {
  const { pathname, searchParams } = new URL(request.path, 'http://stub');
  if (pathname !== '/metadata/instance') return undefined;
  const isAllowed =
    request.headers['metadata'] === 'true' &&
    searchParams.has('api-version') &&
    request.headers['x-forwarded-for'] === undefined;
  return isAllowed
    ? json(azureInstance)
    : refuse(400, '{"error":"Bad request. Required metadata header not specified"}');
};

const novaMetadata = only('/openstack/latest/meta_data.json', () =>
  json({
    uuid: 'b0fa911b-69d4-4476-bbe2-1c92bff6535c',
    name: 'worker-1',
    hostname: 'worker-1.novalocal',
    availability_zone: 'nova',
    project_id: '2f1b6a3f6d9c4c0fb4d6c2b3c9d1e0aa',
    meta: {},
  }),
);

/** Nova serves its own tree and EC2’s, the latter without tokens or identity documents. */
export const openstack: Service = join(novaMetadata, novaEc2Tree);

const oracleInstance = {
  availabilityDomain: 'qIZq:PHX-AD-1',
  faultDomain: 'FAULT-DOMAIN-2',
  compartmentId: 'ocid1.tenancy.oc1..aaaaaaaademo',
  id: 'ocid1.instance.oc1.phx.anyhqljtdemo',
  region: 'phx',
  canonicalRegionName: 'us-phoenix-1',
  ociAdName: 'phx-ad-3',
  shape: 'VM.Standard2.1',
  state: 'Running',
};

/** Version 2 alone: `/opc/v1` and `/openstack` give 404. */
export const oracle: Service = only('/opc/v2/instance/', ({ headers }) =>
  headers.authorization === 'Bearer Oracle' ? json(oracleInstance) : refuse(401, 'Unauthorized'),
);

/** With version 1 enabled, Oracle answers OpenStack’s and EC2’s trees too. */
export const oracleV1: Service = join(
  oracle,
  only('/opc/v1/instance/', () => json(oracleInstance)),
  openstack,
  ec2Tree,
);

export const digitalocean: Service = only('/metadata/v1.json', () =>
  json({ droplet_id: 27223699, hostname: 'worker-1', region: 'nyc3', interfaces: {} }),
);

export const hetzner: Service = tree({
  '/hetzner/v1/metadata': 'hostname: worker-1\ninstance-id: 123456\nlocal-ipv4: ""\npublic-ipv4: 192.0.2.7\n',
  '/hetzner/v1/metadata/region': 'eu-central',
  '/hetzner/v1/metadata/availability-zone': 'hel1-dc2',
});

export const alibaba: Service = guarded(
  'x-aliyun-ecs-metadata-token',
  'x-aliyun-ecs-metadata-token-ttl-seconds',
  tree({
    '/latest/meta-data/region-id': 'cn-hangzhou',
    '/latest/meta-data/zone-id': 'cn-hangzhou-j',
    '/latest/meta-data/owner-account-id': '123456',
    '/latest/meta-data/instance-id': 'i-bp1demo',
    '/latest/meta-data/vpc-id': 'vpc-bp1demo',
    '/latest/meta-data/vswitch-id': 'vsw-bp1demo',
    '/latest/meta-data/instance/instance-type': 'ecs.g8i.large',
  }),
);
