import { join } from 'node:path';
import type { ReportApi } from '../src/api/names.ts';
import { moduleFolder } from './cluster/go-program.ts';

/** The modules in which the policy working group and OpenReports publish their CustomResourceDefinitions. */
const SOURCES: Readonly<Record<ReportApi, { readonly module: string; readonly path: string }>> = {
  wgpolicy: {
    module: 'sigs.k8s.io/wg-policy-prototypes@v0.0.0-20230505033312-51c21979086a',
    path: 'policy-report/crd/v1alpha2/wgpolicyk8s.io_policyreports.yaml',
  },
  openreports: {
    module: 'github.com/openreports/reports-api@v0.2.1',
    path: 'config/crd/openreports.io_reports.yaml',
  },
};

/** The file of the CustomResourceDefinition that reports of this API are of, out of Go's cache of modules or from where Go finds them. */
export const policyReportCrd = async (api: ReportApi): Promise<string> =>
  join(await moduleFolder(SOURCES[api].module), SOURCES[api].path);
