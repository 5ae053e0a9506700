import { ensureAptPackages } from '../apt-packages.ts';

const packages = {
  '/usr/bin/ceph-mon': 'ceph-mon',
  '/usr/bin/ceph-osd': 'ceph-osd',
  '/usr/bin/ceph': 'ceph-common',
  '/usr/bin/radosgw': 'radosgw',
  '/usr/bin/curl': 'curl',
};

/** Has Ceph installed (about 60 MB): by apt-get where we are root, otherwise throws an Error that names the packages. */
export const ensureCeph = (progress: (line: string) => void): Promise<void> =>
  ensureAptPackages({ packages, user: 'The S3 gateway of the tests', progress });
