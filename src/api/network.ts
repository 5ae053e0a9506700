import type { EnvVar } from './kubernetes.ts';
import { type Infer, list, object, required, text } from './schema.ts';

/** `inject.proxy`: both spellings of each variable, since programs read one or the other. */
export const proxy = object('The proxy for what leaves the cluster, in both spellings of its variables.', {
  http: text('For http: addresses, as http://proxy:3128.', { pattern: '^[a-z0-9+]+://', maxLength: 2048 }),
  https: text('For https: addresses; http where nothing is said.', { pattern: '^[a-z0-9+]+://', maxLength: 2048 }),
  noProxy: list(
    'What is reached without it besides the cluster itself: host names, suffixes (.example.org), addresses, and the ranges of pods and services.',
    text('A host, a suffix or a range.', { minLength: 1, maxLength: 253 }),
    { maxItems: 128 },
  ),
});

/** `inject.caBundle`: a mount, and the variables that say where it is. */
export const caBundle = object(
  'Authorities to trust: a ConfigMap that is mounted, and the variables by which Python, Java, Node, Go, curl, git, R and conda find it. It must hold the public roots too: most of them read nothing else then.',
  {
    configMap: required(
      text('Name of the ConfigMap, in the namespace of the object; the container waits for it.', {
        minLength: 1,
        maxLength: 253,
      }),
    ),
    key: text('Its key that holds PEM; ca-bundle.crt where nothing is said.', { minLength: 1, maxLength: 253 }),
    trustStoreKey: text(
      'Its key that holds the same as PKCS #12 with the password changeit, for Java, as trust-manager makes it; Java keeps its own authorities where nothing is said.',
      { minLength: 1, maxLength: 253 },
    ),
    mountPath: text('Where it is mounted; /etc/platform-ca where nothing is said.', {
      pattern: '^/',
      maxLength: 4096,
    }),
  },
);

type Proxy = Infer<typeof proxy>;
export type CaBundle = Infer<typeof caBundle>;

/** What must never go through a proxy; services have names of one part too, which each namespace adds for itself. */
const CLUSTER = [
  ...['localhost', '127.0.0.1', '::1', '169.254.169.254'],
  // The kubelet fills it in, whatever service links are.
  '$(KUBERNETES_SERVICE_HOST)',
  ...['kubernetes', 'kubernetes.default', '.svc', '.cluster.local'],
];

/** What programs read to find a bundle of PEM: OpenSSL, Python and Go; requests, pip; curl and R; AWS' SDKs; git; conda. NODE_EXTRA_CA_CERTS adds. */
const BUNDLE_VARIABLES = [
  ...['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'PIP_CERT', 'CURL_CA_BUNDLE', 'AWS_CA_BUNDLE', 'GIT_SSL_CAINFO'],
  ...['CONDA_SSL_VERIFY', 'NODE_EXTRA_CA_CERTS'],
];

const DEFAULT_MOUNT_PATH = '/etc/platform-ca';
export const bundlePathOf = ({ mountPath = DEFAULT_MOUNT_PATH }: CaBundle): string => mountPath;

interface Network {
  readonly proxy?: Proxy;
  readonly caBundle?: CaBundle;
}

/** The variables that a proxy and a bundle come to. */
export const networkVariables = ({ proxy: given, caBundle: bundle }: Network): readonly EnvVar[] => [
  ...(given === undefined ? [] : proxyVariables(given)),
  ...(bundle === undefined ? [] : bundleVariables(bundle)),
];

/** The other spelling of a proxy's variable, which programs read as well; undefined for other variables. */
export const otherSpellingOf = (name: string): string | undefined => {
  if (!/^(https?|no)_proxy$/i.test(name)) return undefined;
  return name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
};

const proxyVariables = ({ http, https = http, noProxy = [] }: Proxy): readonly EnvVar[] => {
  const values = { HTTP_PROXY: http, HTTPS_PROXY: https, NO_PROXY: [...CLUSTER, ...noProxy].join(',') };
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [name, name.toLowerCase()].map((spelling) => ({ name: spelling, value })),
  );
};

const bundleVariables = (bundle: CaBundle): readonly EnvVar[] => {
  const { key = 'ca-bundle.crt', trustStoreKey } = bundle;
  const directory = bundlePathOf(bundle).replace(/\/+$/, '');
  const java = `-Djavax.net.ssl.trustStore=${directory}/${trustStoreKey} -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit`;
  return [
    ...BUNDLE_VARIABLES.map((name) => ({ name, value: `${directory}/${key}` })),
    ...(trustStoreKey === undefined ? [] : [{ name: 'JAVA_TOOL_OPTIONS', value: java }]),
  ];
};
