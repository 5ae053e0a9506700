import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startControlPlane } from './control-plane/control-plane.ts';
import { kubectl } from './control-plane/kubectl.ts';
import { coreV1Text, type OpenApi } from './core-v1.ts';

/** `npm run core-fields`: asks the newest supported API server what core/v1 is like, for what checks PlatformDefaults. */
await using controlPlane = await startControlPlane();
const openApi = JSON.parse(await kubectl(controlPlane, ['get', '--raw', '/openapi/v3/api/v1'])) as OpenApi;
await writeFile(join(import.meta.dirname, '../src/defaults/validation/core-v1.json'), coreV1Text(openApi));
