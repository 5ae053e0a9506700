import { parseAllDocuments, stringify } from 'yaml';

interface WebhookConfiguration {
  readonly kind: string;
  readonly webhooks?: readonly { readonly clientConfig: { readonly service: { readonly path: string } } }[];
}

/** The webhook configurations among manifests, reached on this machine in place of by a Service. Their controller says whom to trust where no `authority` is named. */
export const webhooksAt = (url: string, manifests: string, authority?: string): string =>
  parseAllDocuments(manifests)
    .map((document) => document.toJS() as WebhookConfiguration | null)
    .filter((manifest) => manifest !== null)
    .filter(({ webhooks }) => webhooks !== undefined)
    .map(({ webhooks = [], ...configuration }) => ({
      ...configuration,
      webhooks: webhooks.map(({ clientConfig: { service }, ...webhook }) => ({
        ...webhook,
        clientConfig: {
          url: `${url}${service.path}`,
          ...(authority && { caBundle: Buffer.from(authority).toString('base64') }),
        },
      })),
    }))
    .map((configuration) => stringify(configuration))
    .join('---\n');
