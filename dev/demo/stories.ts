/** One thing the demo shows: manifests a user applies, and the defaults that hold for them. */
export interface Story {
  readonly title: string;
  /** What to look for, one sentence. */
  readonly note: string;
  readonly namespace: string;
  /** Applied first, by the platform team. */
  readonly defaults?: string;
  /** Applied by the user. */
  readonly manifest: string;
  /** Told before: what differs is not shown a second time. */
  readonly isAgain?: true;
  /** Of a kind that comes with the install: without it there is nothing to compare with. */
  readonly isOurs?: true;
  /** What kubectl is asked in that namespace then, each shown with its answer. */
  readonly after?: readonly (readonly string[])[];
}

export const stories: readonly Story[] = [
  {
    title: 'A volume of a class that does not exist',
    note: 'The class is there before the claim is stored, so nothing waits for it.',
    namespace: 'analytics',
    manifest: 'examples/volumes/spark-checkpoint.yaml',
  },
  {
    title: 'A fast one, and one that many pods write to',
    note: '"ssd" in the name asks for a solid-state disk; ReadWriteMany for managed file storage.',
    namespace: 'analytics',
    manifest: 'examples/volumes',
  },
  {
    title: 'An NFS server of its own',
    note: '"nfs" in the name asks for one: its disk, Service and Deployment follow the class.',
    namespace: 'analytics',
    manifest: 'examples/nfs/team-files.yaml',
  },
  {
    title: 'The three volumes of a Calrissian job',
    note: 'One class, made once, backed by a bucket.',
    namespace: 'cwl-by-hand',
    manifest: 'examples/calrissian/volumes.yaml',
  },
  {
    title: 'A whole namespace for Calrissian',
    note: 'One label instead of a page of kubectl commands: roles, volumes, step defaults.',
    namespace: 'cwl',
    manifest: 'examples/calrissian/namespace.yaml',
  },
  {
    title: 'A Calrissian job',
    note: 'Retries, labels and the node pool are the platform’s; what Calrissian breaks on is left alone.',
    namespace: 'cwl',
    defaults: 'examples/calrissian/defaults.yaml',
    manifest: 'examples/calrissian/runner.yaml',
  },
  {
    title: 'Spark Pi, scraped by Prometheus',
    note: 'Nobody wrote a line about monitoring into the application.',
    namespace: 'analytics',
    defaults: 'examples/spark-pi/defaults.yaml',
    manifest: 'examples/spark-pi/spark-pi.yaml',
  },
  {
    title: 'An openEO batch job',
    note: 'Monitoring, data mount and credentials come from one place; null lists do no harm.',
    namespace: 'openeo',
    defaults: 'examples/openeo/defaults.yaml',
    manifest: 'examples/openeo/batch-job.yaml',
  },
  {
    title: 'The same job, applied once more',
    note: 'What was injected stays. Generation 1: nothing in its spec has changed, so the operator restarts nothing.',
    namespace: 'openeo',
    manifest: 'examples/openeo/batch-job.yaml',
    isAgain: true,
    after: [['get', '-f', 'examples/openeo/batch-job.yaml', '-o', 'jsonpath=generation {.metadata.generation}']],
  },
  {
    title: 'Leave this one alone',
    note: 'One label: the defaults of Spark Pi would match, and are kept back.',
    namespace: 'analytics',
    manifest: 'examples/opt-out/spark-pi.yaml',
  },
  {
    title: 'What the platform enforces',
    note: 'Users have the last word over defaults, the platform over what it enforces.',
    namespace: 'geo',
    defaults: 'examples/enforced/defaults.yaml',
    manifest: 'examples/enforced/job.yaml',
  },
  {
    title: 'A bucket for the asking',
    note: 'A stub answers as Google Cloud Storage does. The bucket is made and marked; a ConfigMap tells where it is.',
    namespace: 'analytics',
    manifest: 'examples/buckets/spark-history.yaml',
    isOurs: true,
    after: [
      ['wait', '--for=condition=Ready', 'objectstore/sparkhistory', '--timeout=30s'],
      ['get', 'objectstore/sparkhistory', '-o', 'wide'],
      ['get', 'configmap/sparkhistory-objectstore', '-o', 'jsonpath={.data}'],
    ],
  },
  {
    title: 'The most specific selector wins',
    note: 'example.org for app=prod, example.com for everything else.',
    namespace: 'koalja',
    defaults: 'examples/domains/defaults.yaml',
    manifest: 'examples/domains/applications.yaml',
  },
  {
    title: 'A workflow step behind a proxy',
    note: 'The proxy for all three containers, the data volume for main alone; no container is added.',
    namespace: 'workflows',
    defaults: 'examples/hera/defaults.yaml',
    manifest: 'examples/hera/pod.yaml',
  },
];
