import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { issueAuthority, issueServing } from '../../../src/certificates/issue.ts';
import { type GoProgram, goProgram, moduleFolder } from '../../cluster/go-program.ts';
import { versions } from '../../cluster/versions.ts';
import { kubectl } from '../../control-plane/kubectl.ts';
import { freePorts } from '../../free-ports.ts';
import { applyDefinitions, type InstallController, startController } from './controller.ts';
import { webhooksAt } from './webhooks.ts';

export const jobSetController: GoProgram = {
  name: 'jobset-controller',
  module: 'sigs.k8s.io/jobset',
  version: versions.jobSet,
  package: '.',
};
const DAY_MS = 24 * 60 * 60 * 1000;

/** The controller of JobSets with its own webhooks, one of which is asked about their pods too. */
export const installJobSet: InstallController = async (controlPlane, progress) => {
  const program = await goProgram(jobSetController, progress);
  const source = join(
    await moduleFolder(`${jobSetController.module}@v${jobSetController.version}`),
    'config/components',
  );
  await applyDefinitions(controlPlane, join(source, 'crd/bases'));
  const [webhookPort = 0, probePort = 0] = await freePorts(2);
  const certDir = join(controlPlane.directory, 'jobset');
  const authority = await writeCertificate(certDir);
  const manifests = await kubectl(controlPlane, ['kustomize', join(source, 'webhook')]);
  const webhooks = webhooksAt(`https://127.0.0.1:${webhookPort}`, manifests, authority);
  const config = join(certDir, 'config.yaml');
  await writeFile(config, stringify(configurationOf({ webhookPort, probePort, certDir })));
  return {
    start: async () => {
      const running = await startController(controlPlane, { program, flags: [`--config=${config}`], probePort });
      await kubectl(controlPlane, ['apply', '-f', '-'], { input: webhooks });
      return running;
    },
  };
};

/** Answers the authority that signed it, as PEM. */
const writeCertificate = async (folder: string): Promise<string> => {
  const now = Date.now();
  const validity = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
  const authority = await issueAuthority('jobset', validity);
  const { cert, key } = await issueServing(authority, ['127.0.0.1'], validity);
  await mkdir(folder);
  await writeFile(join(folder, 'tls.crt'), cert);
  await writeFile(join(folder, 'tls.key'), key);
  return authority.cert;
};

interface Places {
  readonly webhookPort: number;
  readonly probePort: number;
  readonly certDir: string;
}

const configurationOf = ({ webhookPort, probePort, certDir }: Places): object => ({
  apiVersion: 'config.jobset.x-k8s.io/v1alpha1',
  kind: 'Configuration',
  health: { healthProbeBindAddress: `127.0.0.1:${probePort}` },
  metrics: { bindAddress: '0' },
  leaderElection: { leaderElect: false },
  webhook: { host: '127.0.0.1', port: webhookPort, certDir },
  internalCertManagement: { enable: false },
});
