import type { FrameworkProfile } from '../framework.ts';

const coordination = [/^(MASTER_(ADDR|PORT)|WORLD_SIZE|RANK|LOCAL_RANK|PET_.*|TF_CONFIG)$/];

/** Replicas of training-operator 1, which reads the exit code of the container that it knows by name. */
export const trainingReplica: FrameworkProfile = {
  kind: 'TrainingPod',
  knownBy: { labels: { 'training.kubeflow.org/job-name': [], 'training.kubeflow.org/replica-type': [] } },
  main: [/^(pytorch|tensorflow|xgboost|mpi|paddle|jax)$/],
  helpers: [/^(init-pytorch|kubectl-delivery)$/],
  untouched: [],
  reserved: { env: coordination, labels: [/^training\.kubeflow\.org\//] },
};

/** Jobs of a JobSet, as Trainer 2 makes them too: `node` is the user's, the initializers load data and models for it. */
export const jobSetPod: FrameworkProfile = {
  kind: 'TrainingPod',
  knownBy: { labels: { 'jobset.sigs.k8s.io/jobset-name': [] } },
  main: [/^node$/],
  helpers: [/^(dataset|model)-initializer$/],
  untouched: [],
  reserved: {
    env: [...coordination, /^JOB_COMPLETION_INDEX$/],
    labels: [/^jobset\.sigs\.k8s\.io\//, /^trainer\.kubeflow\.org\//],
  },
};
