import { expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';
import { defaultsGiving, GROWING, type Growing, takes } from '../fuzz/cost/defaults.ts';

const WORKFLOW = { 'workflows.argoproj.io/workflow': 'w' };
const LAUNCHED = { 'sparkoperator.k8s.io/launched-by-spark-operator': 'true' };
const NAMES_ITSELF = {
  env: [{ name: 'CALRISSIAN_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
};

interface Disguise {
  readonly labels?: object;
  readonly containers?: readonly object[];
  readonly initContainers?: readonly object[];
}

/** What whoever makes a pod can have it look like. */
const DISGUISES: Readonly<Record<string, Disguise>> = {
  'none at all': {},
  'what spark-operator launches': { labels: LAUNCHED },
  'what spark-operator launches, of a workflow': { labels: { ...LAUNCHED, ...WORKFLOW } },
  'a step of a workflow': { labels: WORKFLOW },
  'a step of a workflow without a main container': { labels: WORKFLOW, containers: [{ name: 'own' }] },
  'an agent of Argo': { labels: { ...WORKFLOW, 'workflows.argoproj.io/component': 'agent' } },
  'an agent of Argo with containers of its own': {
    labels: { ...WORKFLOW, 'workflows.argoproj.io/component': 'agent' },
    containers: [{ name: 'own' }],
  },
  'a component of Argo that nobody knows': {
    labels: { ...WORKFLOW, 'workflows.argoproj.io/component': 'workflow-controller' },
  },
  "Argo's executor": { labels: WORKFLOW, containers: [{ name: 'wait' }] },
  'a runner of Calrissian': { containers: [{ name: 'main', ...NAMES_ITSELF }] },
  'a runner of Calrissian beside the program': { containers: [{ name: 'dummy', ...NAMES_ITSELF }, { name: 'own' }] },
  'a proxy of a mesh': { containers: [{ name: 'istio-proxy' }] },
  'a proxy of a mesh, of a workflow': { labels: WORKFLOW, containers: [{ name: 'istio-proxy' }] },
  "a sidecar of Airflow's": {
    labels: { 'airflow-worker': '1', kubernetes_executor: 'True', dag_id: 'd', task_id: 't' },
    containers: [{ name: 'airflow-xcom-sidecar' }],
  },
};

const podOf = ({ labels = {}, containers = [{ name: 'main' }], initContainers }: Disguise): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'it', namespace: 'team-a', labels: { ...labels } },
    spec: {
      containers: containers.map((one) => ({ image: 'docker.io/i', ...one })),
      ...(initContainers && { initContainers }),
    },
  }) as KubeObject;

/** A value of one key, which the platform enforces for every pod. */
const enforcedOf = (key: Growing, containers?: readonly string[]) => {
  const [given] = defaultsGiving('Pod', key, 1, {
    mode: 'Enforce',
    shape: 'distinct',
    ...(containers && { containers }),
  });
  return platformDefaults('enforced', given?.spec ?? {});
};

const keys = GROWING.filter((key) => takes('Pod', key) && validateDefaults(enforcedOf(key), system).length === 0);
const ALL: readonly (readonly string[] | undefined)[] = [undefined, ['all']];

it.each(Object.entries(DISGUISES))('a value enforced for every pod is given to %s, or refused', (_what, disguise) => {
  const lost = keys.flatMap((key) =>
    ALL.filter((containers) => {
      const defaults = enforcedOf(key, containers);
      if (validateDefaults(defaults, system).length > 0) return false;
      const { denied, outcomes } = admit(podOf(disguise), [defaults]);
      const [by] = [`${system.systemNamespace}/enforced@1`];
      const isTold = (outcomes?.() ?? []).some((one) => one.by === by && one.verdict !== 'kept back');
      return denied === undefined && !isTold;
    }).map((containers) => [key, ...(containers ?? [])].join()),
  );
  expect(lost).toEqual([]);
});
