import type { OpenTarget } from './target.ts';
import { certificatesTarget } from './targets/certificates.ts';
import { costTarget } from './targets/cost.ts';
import { defaultsTarget } from './targets/defaults.ts';
import { handleTarget } from './targets/handle.ts';
import { httpTarget } from './targets/http.ts';
import { metadataTarget } from './targets/metadata.ts';
import { previewTarget } from './targets/preview.ts';
import { providersTarget } from './targets/providers.ts';
import { serverTarget } from './targets/server.ts';

/** Every way into the program. */
export const targets: Readonly<Record<string, OpenTarget>> = {
  handle: handleTarget,
  server: serverTarget,
  http: httpTarget,
  preview: previewTarget,
  defaults: defaultsTarget,
  metadata: metadataTarget,
  providers: providersTarget,
  certificates: certificatesTarget,
  cost: costTarget,
};
