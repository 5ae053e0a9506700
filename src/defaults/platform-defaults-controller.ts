import type { ControllerOptions } from '../controller/loop.ts';
import { type PlatformDefaultsTools, reconcilePlatformDefaults } from './controller.ts';
import { onPlatformDefaultsTrigger, platformDefaultsKeys } from './platform-defaults-triggers.ts';

/**
 * What `runController` needs for PlatformDefaults. Run it by the leader alone, once its stores have synced and the cloud
 * has been asked for: what is not known yet would be taken for gone.
 */
export const platformDefaultsController = (
  tools: PlatformDefaultsTools,
): Pick<ControllerOptions, 'name' | 'reconcile' | 'keys' | 'subscribe'> => ({
  name: 'platform-defaults',
  reconcile: reconcilePlatformDefaults(tools),
  keys: () => platformDefaultsKeys(tools),
  subscribe: (add) => onPlatformDefaultsTrigger(tools, add),
});
