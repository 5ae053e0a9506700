import { AppError } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { askableResource } from '../explanation/askable.ts';
import type { ObjectExplanation } from '../explanation/explain.ts';
import { explanationLines } from '../explanation/print.ts';
import { explainStored } from '../explanation/stored.ts';
import { type Resource, resources } from '../kube/api-server.ts';
import { createKube } from '../kube/client.ts';
import { findConnection } from '../kube/connection.ts';
import type { Settings } from '../settings/config.ts';
import { liveCluster } from './live-cluster.ts';
import { counted } from './results/finding.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface WhyOptions {
  readonly namespace: string;
}

/**
 * Prints what a stored object was given, what a new one would be given, and why they differ. Throws AppError('InvalidInput') for a
 * reference that is none, AppError('NotFound') where there is no such object.
 */
export const whyCommand = async (
  reference: string,
  { namespace }: WhyOptions,
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
): Promise<number> => {
  const { resource, name } = parseReference(reference);
  const kube = createKube(await findConnection(environment));
  const stored = await kube.get<KubeObject>(resource, { namespace, name });
  if (stored === undefined)
    throw new AppError('NotFound', `There is no ${resource.kind} ${namespace}/${name}; -n names another namespace.`);
  const { items } = await kube.list<PlatformDefaults>(resources.platformDefaults, {});
  const cluster = await liveCluster(settings, environment, []);
  const { was, differs, now } = explainStored(
    { ...stored, apiVersion: apiVersionOf(resource), kind: resource.kind },
    items,
    cluster,
  );
  const lines = [
    `${resource.kind} ${namespace}/${name}`,
    ...was.map((sentence) => `  ${sentence}`),
    ...(differs.length === 0
      ? ['  A new one like it would be given the same.']
      : differs.map((sentence) => `  ${sentence}`)),
    '',
    ...explanationLines('A new one like it, now:', now, []),
  ];
  terminal.tell(`${lines.join('\n')}\n`);
  terminal.complain(`${summary(now, differs.length)}\n`);
  return EXIT.fine;
};

const summary = ({ defaults }: ObjectExplanation, differences: number): string => {
  const counts = Object.entries(Object.groupBy(defaults, ({ verdict }) => verdict)).map(
    ([verdict, list]) => `${list.length} ${verdict}`,
  );
  const told = counts.length === 0 ? '' : `: ${counts.join(', ')}`;
  return `${defaults.length} PlatformDefaults${told}; ${counted(differences, 'difference')} between it and a new one.`;
};

const apiVersionOf = ({ group, version }: Resource): string => (group === '' ? version : `${group}/${version}`);

const parseReference = (reference: string): { readonly resource: Resource; readonly name: string } => {
  const [kind = '', name = '', ...more] = reference.split('/');
  if (kind === '' || name === '' || more.length > 0)
    throw new AppError('InvalidInput', `${reference} is not KIND/NAME, such as sparkapplication/spark-pi.`);
  return { resource: askableResource(kind), name };
};
