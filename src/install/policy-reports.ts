import { DEPLOYMENT_NAME, REPORT_APIS, type ReportApi } from '../api/names.ts';
import { mutators } from '../kinds/index.ts';
import { settings } from '../settings/definitions.ts';
import { type InstallObject, type InstallOptions, NAME } from './options.ts';
import { allow, binding, type PolicyRule, role } from './rbac.ts';
import { whenSet } from './template.ts';

export const REPORT_API_NAMES = Object.keys(REPORT_APIS) as readonly ReportApi[];

const ROLE = `${NAME}-policy-reports`;

/** What keeping reports takes besides the rest: every kind that is admitted is listed, pods among them, and the reports are its own. */
const reportPermissions = (api: ReportApi): readonly PolicyRule[] => {
  const { group, plural } = REPORT_APIS[api];
  const rules = mutators.flatMap((mutator) => mutator.rules);
  const listed = Map.groupBy(rules, (rule) => rule.group);
  return [
    ...[...listed].map(([name, list]) =>
      allow(name, [...new Set(list.map(({ resource }) => resource))].join(' '), 'list'),
    ),
    // Server-side apply is `patch`, and `create` where there is none yet; those of emptied namespaces go.
    allow(group, plural, 'list create patch delete'),
  ];
};

/** The same as objects. */
export const reportObjects = (api: ReportApi, { namespace }: InstallOptions): readonly InstallObject[] => [
  role(ROLE, reportPermissions(api)),
  binding(ROLE, ROLE, { kind: 'ServiceAccount', name: NAME, namespace }),
];

/** Those of the API that the setting names; none where no reports are kept. */
export const chosenReportObjects = (options: InstallOptions): readonly InstallObject[] =>
  REPORT_API_NAMES.flatMap((api) =>
    whenSet(options.settings, { name: settings.policyReports.env, value: api }, reportObjects(api, options)),
  );

/** The setting as a strategic merge patch of the Deployment. */
export const reportPatch = (api: ReportApi, { namespace }: InstallOptions): InstallObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: DEPLOYMENT_NAME, namespace },
  spec: {
    template: { spec: { containers: [{ name: NAME, env: [{ name: settings.policyReports.env, value: api }] }] } },
  },
});
