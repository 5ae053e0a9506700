import type { FrameworkProfile } from '../framework.ts';

/** Pods of a Job, of a CronJob too, whoever made it: every container is the user's. */
export const jobPod: FrameworkProfile = {
  kind: 'JobPod',
  knownBy: { owner: { group: 'batch', kind: 'Job' }, selectedBy: 'job-name' },
  main: 'all',
  helpers: [],
  untouched: [],
  reserved: { env: [/^JOB_COMPLETION_INDEX$/] },
};
