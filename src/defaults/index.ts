import type { DefaultsIndex } from '../api/injection.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { compareEntries, type DefaultsOptions, type Entry, entryOf } from './entry.ts';
import { createMatcher } from './matcher.ts';
import { createResolver } from './resolution.ts';

/**
 * Indexes PlatformDefaults that `validateDefaults` found nothing wrong with, in any order. One in the system
 * namespace, or without a namespace, is global.
 */
export const indexDefaults = (list: readonly PlatformDefaults[], options: DefaultsOptions): DefaultsIndex =>
  indexEntries(list.map((defaults) => entryOf(defaults, options)));

/** The same for entries that were read before. */
export const indexEntries = (entries: readonly Entry[]): DefaultsIndex => {
  const injecting = entries.filter(({ spec }) => spec.inject !== undefined || spec.variables !== undefined);
  const ordered = injecting.toSorted(compareEntries);
  return { resolve: createResolver(ordered, createMatcher(ordered)), size: entries.length };
};
