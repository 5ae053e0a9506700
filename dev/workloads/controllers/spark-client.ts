import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../../cluster/cache.ts';
import { javaHome, spark4, sparkClientFolder, sparkReference } from '../../cluster/engines/spark-image.ts';
import { run } from '../../control-plane/command.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { type Daemon, startDaemon } from '../../daemon.ts';
import { accountToken } from './controller.ts';

/** Spark's own client on this machine, as an account of a namespace that may do there what its documentation says. */
export interface SparkClient {
  /** spark-submit in cluster mode: makes a driver pod, and ends. */
  readonly submit: () => Promise<void>;
  /** A driver that runs here, in client mode: makes executor pods, and waits for them until it is stopped. */
  readonly startDriver: () => Daemon;
}

const SUBMIT_WITHIN_MS = 240_000;
const example = ['--class', 'org.apache.spark.examples.SparkPi'];
const jar = 'examples/jars/spark-examples.jar';

export const installSparkClient = async (
  controlPlane: ControlPlane,
  namespace: string,
  progress: Progress,
): Promise<SparkClient> => {
  const home = await sparkClientFolder(spark4, progress);
  const authority = join(controlPlane.directory, 'spark-authority.pem');
  await writeFile(authority, controlPlane.caPem);
  const token = await accountToken(controlPlane, namespace, 'spark');
  const submit = join(home, 'bin/spark-submit');
  const env = { SPARK_HOME: home, JAVA_HOME: javaHome, SPARK_LOCAL_IP: '127.0.0.1', HOME: controlPlane.directory };
  const argumentsFor = (mode: 'cluster' | 'client', settings: Readonly<Record<string, string>>) => [
    ...['--master', `k8s://${controlPlane.url}`, '--deploy-mode', mode, ...example],
    ...Object.entries({
      'spark.kubernetes.namespace': namespace,
      'spark.kubernetes.container.image': sparkReference(spark4),
      'spark.executor.instances': '2',
      'spark.ui.enabled': 'false',
      ...settings,
    }).flatMap(([key, value]) => ['--conf', `${key}=${value}`]),
  ];
  const credentials = (whose: string) => ({
    [`spark.kubernetes.authenticate.${whose}caCertFile`]: authority,
    [`spark.kubernetes.authenticate.${whose}oauthToken`]: token,
  });
  return {
    submit: async () => {
      const settings = {
        ...credentials('submission.'),
        'spark.kubernetes.authenticate.driver.serviceAccountName': 'spark',
        'spark.kubernetes.submission.waitAppCompletion': 'false',
      };
      const args = [...argumentsFor('cluster', settings), `local:///opt/spark/${jar}`];
      await run(submit, args, { env: { ...process.env, ...env }, timeoutMs: SUBMIT_WITHIN_MS });
    },
    startDriver: () => {
      const settings = {
        ...credentials(''),
        'spark.driver.host': '127.0.0.1',
        'spark.driver.bindAddress': '127.0.0.1',
      };
      return startDaemon(submit, [...argumentsFor('client', settings), join(home, jar)], env);
    },
  };
};
