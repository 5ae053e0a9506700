import { isRecord, type UnknownRecord } from '../../injection/path.ts';

/** What policies of other tools hold, read whatever it is: nothing where it is something else. */
export const fieldsOf = (value: unknown): UnknownRecord => (isRecord(value) ? value : {});
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
export const textsOf = (value: unknown): readonly string[] => listOf(value).map(String);
