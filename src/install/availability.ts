import { PRIORITY_CLASS } from '../api/names.ts';
import { type InstallObject, type InstallOptions, labels, NAME, selectorLabels } from './options.ts';

/** A drain takes one replica at a time. */
export const disruptionBudgetObject = ({ namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: NAME, namespace, labels },
  spec: { minAvailable: 1, selector: { matchLabels: selectorLabels } },
});

/** Above the jobs that wait for it and mount from its NFS servers, below what runs the nodes. */
export const priorityClassObject = (): InstallObject => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name: PRIORITY_CLASS, labels },
  value: 100_000_000,
  description: 'Quartermaster, and the NFS servers it runs.',
});
